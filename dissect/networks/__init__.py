"""Networks, each a whole one, read like its paper's table."""
