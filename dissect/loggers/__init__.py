"""Loggers that need more than a YAML file."""
