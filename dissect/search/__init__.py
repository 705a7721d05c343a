"""Random search over what the config names: settings drawn, runs judged on a tuning split, the best kept."""
