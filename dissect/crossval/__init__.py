"""k-fold cross-validation read off a study's runs, beside validation of the same recipe."""
