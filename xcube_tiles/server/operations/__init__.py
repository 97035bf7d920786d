"""What a server needs to be run in earnest: limits, keys, logs, metrics, health."""
