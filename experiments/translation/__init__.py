"""Pictures into pictures: the games pix2pix, CycleGAN, DiscoGAN and pixel-level domain transfer, and their data.

`tasks` makes the data, one game a file is the training, `games` is the list of them, `metrics` measures the result and
`checkpoints` brings a trained network back.
"""
