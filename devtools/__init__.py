"""Tools for trying Tierstream: local servers, made-up traffic, the demo. Never in production."""
