"""`tierstream demo`: real purchases through local servers, with a live view of the outputs."""
