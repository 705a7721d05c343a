"""`python -m dissect.plan`: what a study would take, and what it could show."""
