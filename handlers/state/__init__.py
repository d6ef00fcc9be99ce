"""What is kept of each customer and of each partition, and how it is restored."""
