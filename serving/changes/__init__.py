"""What changed: moves between tiers by day, and when customers reached their levels."""
