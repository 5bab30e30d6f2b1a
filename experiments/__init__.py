"""The experiments: one module a command, each run as `python -m experiments.NAME`, and what they share."""
