"""Training: losses, clips to learn from, recipes, the loop, export. Importing this package loads no torch."""
