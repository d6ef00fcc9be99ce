"""What a process needs around its work: logs, metrics, health, a watchdog."""
