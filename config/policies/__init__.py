"""Policies that are ready to use, each a TOML file with labels and comments in two languages."""
