"""k-fold cross-validation read off a study's runs, beside the validation accuracy of the same recipe."""
