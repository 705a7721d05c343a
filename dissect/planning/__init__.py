"""What a study was going to do, written down before its first run."""
