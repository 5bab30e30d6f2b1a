"""What the GAN experiments share. Read `training.py` first: it is the training loop, from top to bottom.

`losses` (what the two networks are asked to do), `tricks` (what steadies the game), `recipes` (networks and their usual
settings), `datasets`, `checkpoints`, `run` (what a run writes), `latent_points` (noise), `classifier` and `measures`
(how good the pictures are).
"""
