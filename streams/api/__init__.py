"""What the rest of the program does for the HTTP API, which does not know it."""
