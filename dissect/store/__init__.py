"""The run store: one folder a run, and what its result says."""
