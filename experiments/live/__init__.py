"""A page that shows runs while they go on: what `experiments.watch` serves."""
