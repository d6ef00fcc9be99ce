"""The command line: one module for each command, or a package for a command with its logic."""
