"""`python -m dissect.dashboard`: a study's report in Weights & Biases."""
