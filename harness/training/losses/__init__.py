"""What training minimises, one file a loss; `objective` adds them up (Eq. 4). Nothing is imported here."""
