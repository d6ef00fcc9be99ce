"""Many values in bounded memory: ids, counts, and the names that weigh most."""
