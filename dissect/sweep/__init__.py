"""Which runs are asked for, which are finished, and the rest trained, here or on a cluster."""
