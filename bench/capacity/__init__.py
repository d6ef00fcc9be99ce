"""What a deployment needs, on paper, from constants that were measured."""
