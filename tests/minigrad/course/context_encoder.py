"""A context encoder fills the middle of pictures: masks by slices, random_split, a best state kept in memory."""

import copy
import io

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split


class MaskedImages(Dataset):
    def __init__(self, count, img_size=16, mask_size=8, mode="train"):
        self.images = np.random.default_rng(8).uniform(-1, 1, (count, 3, img_size, img_size))
        self.img_size, self.mask_size, self.mode = img_size, mask_size, mode

    def apply_random_mask(self, img, index):
        y1, x1 = (index * 3) % (self.img_size - self.mask_size), (index * 5) % (self.img_size - self.mask_size)
        y2, x2 = y1 + self.mask_size, x1 + self.mask_size
        masked_part = img[:, y1:y2, x1:x2]
        masked_img = img.clone()
        masked_img[:, y1:y2, x1:x2] = 1
        return masked_img, masked_part

    def apply_center_mask(self, img):
        i = (self.img_size - self.mask_size) // 2
        masked_img = img.clone()
        masked_img[:, i : i + self.mask_size, i : i + self.mask_size] = 1
        return masked_img, i

    def __getitem__(self, index):
        img = torch.from_numpy(self.images[index])
        if self.mode == "train":
            masked_img, aux = self.apply_random_mask(img, index)
        else:
            masked_img, aux = self.apply_center_mask(img)
        return img, masked_img, aux

    def __len__(self):
        return len(self.images)


class Generator(nn.Module):
    def __init__(self, channels=3):
        super().__init__()

        def downsample(in_feat, out_feat, normalize=True):
            layers = [nn.Conv2d(in_feat, out_feat, 4, stride=2, padding=1)]
            if normalize:
                layers.append(nn.BatchNorm2d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2))
            return layers

        def upsample(in_feat, out_feat, normalize=True):
            layers = [nn.ConvTranspose2d(in_feat, out_feat, 4, stride=2, padding=1)]
            if normalize:
                layers.append(nn.BatchNorm2d(out_feat, 0.8))
            layers.append(nn.ReLU())
            return layers

        self.model = nn.Sequential(
            *downsample(channels, 4, normalize=False),
            *downsample(4, 6),
            nn.Conv2d(6, 8, 1),
            *upsample(8, 6),
            nn.Conv2d(6, channels, 3, 1, 1),
            nn.Tanh(),
        )

    def forward(self, x):
        return self.model(x)


def evaluate(model, dataset):
    was_training = model.training
    model.eval()
    total, seen = 0.0, 0
    with torch.no_grad():
        for imgs, masked_imgs, i in DataLoader(dataset, batch_size=2):
            i = i[0].item()
            gen_mask = model(masked_imgs)
            filled_imgs = masked_imgs.clone()
            filled_imgs[:, :, i : i + 8, i : i + 8] = gen_mask
            total += (filled_imgs - imgs).abs().mean(dim=(1, 2, 3)).sum().item()
            seen += len(imgs)
    model.train(was_training)
    return total / seen


def main(fill):
    dataset = MaskedImages(6)
    train_set, held_out = random_split(dataset, [4, 2], generator=torch.Generator().manual_seed(0))
    assert sorted([*train_set.indices, *held_out.indices]) == list(range(6))
    train_loader = DataLoader(torch.utils.data.Subset(dataset, range(4)), batch_size=2, drop_last=True, num_workers=2)
    test_set = MaskedImages(4, mode="val")
    generator = fill(Generator().double(), 0.3)
    discriminator = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.InstanceNorm2d(4), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(4, 1, 3, 1, 1)
    )
    discriminator = fill(discriminator.double(), 0.3)
    adversarial_loss, pixelwise_loss = nn.MSELoss(), nn.L1Loss()
    optimizer_G = torch.optim.AdamW(generator.parameters(), lr=0.002, betas=(0.5, 0.999), weight_decay=0.01)
    optimizer_D = torch.optim.SGD(discriminator.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    history, best, best_state = [], float("inf"), None
    for epoch in range(3):
        for imgs, masked_imgs, masked_parts in train_loader:
            pred = discriminator(masked_parts)
            valid, fake = torch.ones_like(pred), torch.zeros_like(pred)
            optimizer_G.zero_grad()
            gen_parts = generator(masked_imgs)
            g_adv, g_pixel = adversarial_loss(discriminator(gen_parts), valid), pixelwise_loss(gen_parts, masked_parts)
            (0.001 * g_adv + 0.999 * g_pixel).backward()
            optimizer_G.step()
            optimizer_D.zero_grad()
            real_loss = adversarial_loss(discriminator(masked_parts), valid)
            fake_loss = adversarial_loss(discriminator(gen_parts.detach()), fake)
            d_loss = 0.5 * (real_loss + fake_loss)
            d_loss.backward()
            optimizer_D.step()
            history += [d_loss.item(), g_adv.item(), g_pixel.item()]
        error = evaluate(generator, test_set)
        history.append(error)
        if error < best:
            best, best_state = error, copy.deepcopy(generator.state_dict())
    buffer = io.BytesIO()
    torch.save({"epoch": epoch, "model": best_state, "optimizer": optimizer_G.state_dict(), "best": best}, buffer)
    buffer.seek(0)
    checkpoint = torch.load(buffer)
    again = Generator().double()
    again.load_state_dict(checkpoint["model"])
    optimizer = torch.optim.AdamW(again.parameters())
    optimizer.load_state_dict(checkpoint["optimizer"])
    return history + [evaluate(again, test_set) - checkpoint["best"], optimizer.param_groups[0]["weight_decay"]]
