"""`tierstream report`: a period in figures, as a file for people."""
