"""What is right and what is wrong with a deployment: `tierstream doctor`."""
