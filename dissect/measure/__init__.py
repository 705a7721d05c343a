"""What finished runs say: gains paired by seed, their intervals, and which variant each one is compared with."""
