"""Runs that were made elsewhere: what is said of them, which variants they are, and the results they amount to."""
