"""Words into pictures: GAN-CLS (Reed et al. 2016) and StackGAN (Zhang et al. 2017).

`gan_cls` and `stackgan` (the training steps), `text_game` (what they have in common), `losses`, `matching` (sentences
matched to pictures before the game), `fact_reader` (a classifier that reads the facts of a picture), `trained` (a run's
networks, ready to draw), `panel` (several runs side by side).
"""
