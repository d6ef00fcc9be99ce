"""`tierstream top`: a live view of running processes, for a server with only a shell."""
