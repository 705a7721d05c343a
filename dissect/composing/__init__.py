"""From what was said to a checked variant: schema, composition, checks, identity."""
