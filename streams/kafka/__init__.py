"""Topics, clients, headers and offsets: what every Kafka reader and writer here shares."""
