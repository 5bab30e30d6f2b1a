"""Super-resolution: SRResNet and SRGAN (Ledig et al. 2017).

`resampling` (bicubic as MATLAB's imresize), `metrics` (PSNR and SSIM as published), `data` (random crops and their
small versions), `game` (the training step), `enlarge` (any picture, in tiles).
"""
