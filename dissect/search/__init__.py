"""Random search over learning rate and weight decay: settings drawn, runs judged on a tuning split, the best kept."""
