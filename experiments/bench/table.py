"""The jobs of the benchmark's table, each with its goal: the ratio of minigrad's time to PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line: its name, the worker's job and its arguments, the goal, whether `--quick` has it too, and whether it is
    also compared with torch.compile, which has no gradients of gradients."""

    name: str
    job: tuple[str, ...]
    goal: str
    quick: bool = False
    compiled: bool = True


ROWS = [
    Row("Gatys iteration, VGG19 to conv5_1, 256 px", ("gatys", "256"), "<= 0.50", quick=True),
    Row("the same, average pooling", ("gatys", "256", "avg"), "<= 0.50"),
    Row("the same, 64 px", ("gatys", "64"), "<= 1.0"),
    Row("the same, 512 px", ("gatys", "512"), "<= 0.42"),
    Row("the same, 512 px, average pooling", ("gatys", "512", "avg"), "<= 0.42"),
    Row("fast style, training step, 4 x 128 px", ("fast_style_step", "128"), "<= 0.90"),
    Row("fast style, one pass at 512 px", ("fast_style_pass", "512"), "<= 0.70", quick=True),
    Row("pix2pix step, U-Net 256 px, batch 1", ("pix2pix_step", "256"), "<= 0.95", quick=True),
    Row("CycleGAN generator 128 px, forward and backward", ("cyclegan_generator", "128"), "<= 0.90", quick=True),
    Row("SRResNet 16 x 64, one pass 128 to 512 px", ("srresnet_pass", "128"), "<= 0.60"),
    Row("SRResNet training step, 16 x 96 px", ("srresnet_step", "96"), "<= 0.90"),
    Row("DCGAN lab step, batch 128", ("gan_step", "dcgan_lab"), "<= 0.85", quick=True),
    Row("MLP GAN step, batch 128", ("gan_step", "mlp"), "<= 0.85", quick=True),
    Row("WGAN-GP critic step, MLP, batch 128", ("wgan_gp_critic", "mlp"), "<= 1.0", quick=True, compiled=False),
    Row("WGAN-GP critic step, 64 px, 4x4, batch 64", ("wgan_gp_critic", "64px"), "<= 1.0", compiled=False),
    Row("WGAN-GP critic step, 28 px, 5x5, batch 64", ("wgan_gp_critic", "28px"), "<= 1.0", compiled=False),
    Row("StyleGAN step with R1, 32 px, batch 32", ("stylegan_step", "32"), "<= 1.0", compiled=False),
    Row("StackGAN step, Stage II, 64 px, batch 32", ("stackgan_step", "32"), "<= 1.0"),
    Row("100 small operations, both ways", ("small_operations", "single"), "<= 1.1", quick=True, compiled=False),
    Row("400 chained small operations", ("small_operations", "chain"), "<= 1.1", quick=True, compiled=False),
]

# Time and memory against the size of the images (name -> job, sizes) and of the batch (name -> job, batches).
GROWTH = {
    "Gatys, image size, pixels": (("gatys", "{}"), (64, 128, 256, 384, 512, 768)),
    "Gatys, batch size, 64 pixels": (("gatys", "64", "max", "{}"), (1, 2, 4, 8, 16)),
    "fast style pass, pixels": (("fast_style_pass", "{}"), (128, 256, 512, 1024)),
    "SRResNet pass, pixels": (("srresnet_pass", "{}"), (32, 64, 128)),
    "pix2pix step, pixels": (("pix2pix_step", "{}"), (64, 128, 256)),
    "CycleGAN generator, pixels": (("cyclegan_generator", "{}"), (64, 128, 256)),
    "SRResNet step, 96 pixels, batch": (("srresnet_step", "96", "{}"), (1, 4, 16)),
    "fast style step, batch size, 64 pixels": (("fast_style_step", "64", "{}"), (1, 2, 4, 8)),
}
