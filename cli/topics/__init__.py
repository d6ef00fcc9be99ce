"""Create, check and adopt topics: `tierstream topics`."""
