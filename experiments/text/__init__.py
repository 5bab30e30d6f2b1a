"""Words into pictures: GAN-CLS (Reed et al. 2016) and its parts.

`losses` (the four variants), `matching` (sentences matched to pictures before the game), `game` (the training step),
`fact_reader` (a classifier that reads the facts of a picture), `trained` (a run's networks, ready to draw).
"""
