"""What finished runs say: contrasts paired by seed, their intervals, tests and verdicts; and what a plan needs."""
