"""Explanations: why a customer's state is as it is."""
