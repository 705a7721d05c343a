"""What Python users may use; `dissect` itself offers these names."""
