"""`python -m dissect.status`: what runs are doing, told from the store alone."""
