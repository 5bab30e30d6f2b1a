"""What networks learned, made visible: the parts of `experiments.see`.

`fields` (what a neuron can see), `inversion` (pictures from a code), `textures` (by number of parameters), `filters`
(guided backpropagation), `forgetting` (feature maps that draw one thing).
"""
