"""What is shown: tables, comparisons and pictures, derived from records. This room never imports torch."""
