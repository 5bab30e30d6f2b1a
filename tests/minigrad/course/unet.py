"""A U-Net of nested blocks with dropout, as pix2pix has it, against a patch discriminator, in a plain loop."""

import numpy as np
import torch
from torch import nn, optim


class UnetSkipConnectionBlock(nn.Module):
    def __init__(self, outer_nc, inner_nc, submodule=None, outermost=False, innermost=False, use_dropout=False):
        super().__init__()
        self.outermost = outermost
        downconv = nn.Conv2d(outer_nc if not outermost else 3, inner_nc, kernel_size=4, stride=2, padding=1, bias=False)
        downrelu, downnorm = nn.LeakyReLU(0.2, True), nn.BatchNorm2d(inner_nc)
        uprelu, upnorm = nn.ReLU(True), nn.BatchNorm2d(outer_nc)
        if outermost:
            upconv = nn.ConvTranspose2d(inner_nc * 2, outer_nc, kernel_size=4, stride=2, padding=1)
            model = [downconv] + [submodule] + [uprelu, upconv, nn.Tanh()]
        elif innermost:
            upconv = nn.ConvTranspose2d(inner_nc, outer_nc, kernel_size=4, stride=2, padding=1, bias=False)
            model = [downrelu, downconv] + [uprelu, upconv, upnorm]
        else:
            upconv = nn.ConvTranspose2d(inner_nc * 2, outer_nc, kernel_size=4, stride=2, padding=1, bias=False)
            down, up = [downrelu, downconv, downnorm], [uprelu, upconv, upnorm]
            model = down + [submodule] + up + [nn.Dropout(0.5)] if use_dropout else down + [submodule] + up
        self.model = nn.Sequential(*model)

    def forward(self, x):
        if self.outermost:
            return self.model(x)
        return torch.cat([x, self.model(x)], 1)


class PatchDiscriminator(nn.Module):
    def __init__(self, channels=(4, 8)):
        super().__init__()
        self.initial = nn.Sequential(
            nn.Conv2d(6, channels[0], 4, stride=2, padding=1, padding_mode="reflect"), nn.LeakyReLU(0.2)
        )
        layers = []
        for i, o in zip(channels, channels[1:]):
            layers.append(nn.Conv2d(i, o, 4, 1 if o == channels[-1] else 2, 1, bias=False, padding_mode="reflect"))
            layers.append(nn.BatchNorm2d(o))
            layers.append(nn.LeakyReLU(0.2))
        layers.append(nn.Conv2d(channels[-1], 1, kernel_size=4, stride=1, padding=1, padding_mode="reflect"))
        self.model = nn.Sequential(*layers)

    def forward(self, x, y):
        return self.model(self.initial(torch.cat([x, y], dim=1)))


def fixed_dropout(module, args, output):
    """Every other number is dropped, in place of chance."""
    mask = torch.ones_like(output)
    mask.view(-1)[::2] = 0
    return args[0] * mask * 2


def main(fill):
    block = UnetSkipConnectionBlock(4, 4, innermost=True)
    for width in (4, 4):
        block = UnetSkipConnectionBlock(width, 4, submodule=block, use_dropout=True)
    gen = fill(UnetSkipConnectionBlock(3, 4, submodule=block, outermost=True).double(), 0.3)
    disc = fill(PatchDiscriminator().double(), 0.3)
    dropped = [m for m in gen.modules() if isinstance(m, nn.Dropout)]
    assert len(dropped) == 2 and all(m.p == 0.5 for m in dropped)
    handles = [m.register_forward_hook(fixed_dropout) for m in dropped]
    opt_disc = optim.Adam(disc.parameters(), lr=2e-3, betas=(0.5, 0.999))
    opt_gen = optim.Adam(gen.parameters(), lr=2e-3, betas=(0.5, 0.999))
    BCE, L1_LOSS = nn.BCEWithLogitsLoss(), nn.L1Loss()
    numbers, history = np.random.default_rng(12), []
    x, y = (torch.tensor(numbers.uniform(-1, 1, (2, 3, 32, 32))) for _ in range(2))
    for idx in range(4):
        y_fake = gen(x)
        D_real = disc(x, y)
        D_real_loss = BCE(D_real, torch.ones_like(D_real))
        D_fake = disc(x, y_fake.detach())
        D_fake_loss = BCE(D_fake, torch.zeros_like(D_fake))
        D_loss = (D_real_loss + D_fake_loss) / 2
        disc.zero_grad()
        D_loss.backward()
        opt_disc.step()

        D_fake = disc(x, y_fake)
        G_fake_loss = BCE(D_fake, torch.ones_like(D_fake))
        L1 = L1_LOSS(y_fake, y) * 100
        G_loss = G_fake_loss + L1
        opt_gen.zero_grad()
        G_loss.backward()
        opt_gen.step()
        history += [D_loss.item(), G_loss.item(), torch.sigmoid(D_real).mean().item()]
    for handle in handles:
        handle.remove()
    gen.eval()
    with torch.no_grad():
        y_fake = gen(x) * 0.5 + 0.5
    gen.train()
    return history + [y_fake.mean().item(), y_fake.std().item(), int((gen(x) == gen(x)).all().item() in (True, False))]
