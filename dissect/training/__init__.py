"""One variant, one seed: from a checked config to a finished folder in the store."""
