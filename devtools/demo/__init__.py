"""The demo's live view: what the outputs say, in words and bars, while they come."""
