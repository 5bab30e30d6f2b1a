"""CycleGAN as its authors organize it: one model class, init by type, an image pool, LambdaLR, set_requires_grad."""

import functools
import itertools
import random

import numpy as np
import torch
import torch.nn as nn
from torch.nn import init
from torch.optim import lr_scheduler


class LambdaLR:
    def __init__(self, n_epochs, offset, decay_start_epoch):
        assert (n_epochs - decay_start_epoch) > 0, "Decay must start before the training session ends!"
        self.n_epochs, self.offset, self.decay_start_epoch = n_epochs, offset, decay_start_epoch

    def step(self, epoch):
        return 1.0 - max(0, epoch + self.offset - self.decay_start_epoch) / (self.n_epochs - self.decay_start_epoch)


class ImagePool:
    def __init__(self, pool_size):
        self.pool_size = pool_size
        if self.pool_size > 0:
            self.num_imgs = 0
            self.images = []

    def query(self, images):
        if self.pool_size == 0:
            return images
        return_images = []
        for image in images:
            image = torch.unsqueeze(image.data, 0)
            if self.num_imgs < self.pool_size:
                self.num_imgs = self.num_imgs + 1
                self.images.append(image)
                return_images.append(image)
            else:
                p = random.uniform(0, 1)
                if p > 0.5:
                    random_id = random.randint(0, self.pool_size - 1)
                    tmp = self.images[random_id].clone()
                    self.images[random_id] = image
                    return_images.append(tmp)
                else:
                    return_images.append(image)
        return_images = torch.cat(return_images, 0)
        return return_images


class GANLoss(nn.Module):
    def __init__(self, gan_mode, target_real_label=1.0, target_fake_label=0.0):
        super(GANLoss, self).__init__()
        self.register_buffer("real_label", torch.tensor(target_real_label))
        self.register_buffer("fake_label", torch.tensor(target_fake_label))
        self.gan_mode = gan_mode
        if gan_mode == "lsgan":
            self.loss = nn.MSELoss()
        elif gan_mode == "vanilla":
            self.loss = nn.BCEWithLogitsLoss()
        elif gan_mode in ["wgangp"]:
            self.loss = None
        else:
            raise NotImplementedError("gan mode %s not implemented" % gan_mode)

    def get_target_tensor(self, prediction, target_is_real):
        target_tensor = self.real_label if target_is_real else self.fake_label
        return target_tensor.expand_as(prediction)

    def __call__(self, prediction, target_is_real):
        if self.gan_mode in ["lsgan", "vanilla"]:
            loss = self.loss(prediction, self.get_target_tensor(prediction, target_is_real))
        elif self.gan_mode == "wgangp":
            loss = -prediction.mean() if target_is_real else prediction.mean()
        return loss


class ResnetBlock(nn.Module):
    def __init__(self, dim, padding_type, norm_layer, use_bias):
        super().__init__()
        self.conv_block = self.build_conv_block(dim, padding_type, norm_layer, use_bias)

    def build_conv_block(self, dim, padding_type, norm_layer, use_bias):
        conv_block = []
        for layer in range(2):
            p = 0
            if padding_type == "reflect":
                conv_block += [nn.ReflectionPad2d(1)]
            elif padding_type == "replicate":
                conv_block += [nn.ReplicationPad2d(1)]
            else:
                p = 1
            conv_block += [nn.Conv2d(dim, dim, kernel_size=3, padding=p, bias=use_bias), norm_layer(dim)]
            if layer == 0:
                conv_block += [nn.ReLU(True)]
        return nn.Sequential(*conv_block)

    def forward(self, x):
        out = x + self.conv_block(x)
        return out


def generator(ngf, norm_layer, padding_type):
    use_bias = norm_layer.func == nn.InstanceNorm2d
    model = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7, padding=0, bias=use_bias), norm_layer(ngf), nn.ReLU(True)]
    model += [nn.Conv2d(ngf, ngf * 2, 3, stride=2, padding=1, bias=use_bias), norm_layer(ngf * 2), nn.ReLU(True)]
    model += [ResnetBlock(ngf * 2, padding_type, norm_layer, use_bias)]
    model += [
        nn.ConvTranspose2d(ngf * 2, ngf, kernel_size=3, stride=2, padding=1, output_padding=1, bias=use_bias),
        norm_layer(int(ngf)), nn.ReLU(True),
    ]  # fmt: skip
    model += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, kernel_size=7, padding=0), nn.Tanh()]
    return nn.Sequential(*model)


def init_weights(net, init_type="normal", init_gain=0.02):
    def init_func(m):
        classname = m.__class__.__name__
        if hasattr(m, "weight") and (classname.find("Conv") != -1 or classname.find("Linear") != -1):
            if init_type == "normal":
                init.normal_(m.weight.data, 0.0, init_gain)
            elif init_type == "xavier":
                init.xavier_normal_(m.weight.data, gain=init_gain)
            elif init_type == "kaiming":
                init.kaiming_normal_(m.weight.data, a=0, mode="fan_in")
            elif init_type == "orthogonal":
                init.orthogonal_(m.weight.data, gain=init_gain)
            if hasattr(m, "bias") and m.bias is not None:
                init.constant_(m.bias.data, 0.0)
        elif classname.find("BatchNorm2d") != -1:
            init.normal_(m.weight.data, 1.0, init_gain)
            init.constant_(m.bias.data, 0.0)

    net.apply(init_func)
    return net


class CycleGANModel:
    def __init__(self, fill):
        instance = functools.partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)
        batch = functools.partial(nn.BatchNorm2d, affine=True, track_running_stats=True)
        for kind in ("normal", "xavier", "kaiming", "orthogonal"):
            init_weights(generator(2, batch, "zero"), kind)
        self.netG_A = fill(generator(2, instance, "reflect").double())
        self.netG_B = fill(generator(2, batch, "replicate").double())
        self.netD_A, self.netD_B = (
            fill(nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.LeakyReLU(0.2, True), nn.Conv2d(4, 1, 4, 1, 1)).double())
            for _ in range(2)
        )
        self.fake_A_pool, self.fake_B_pool = ImagePool(2), ImagePool(2)
        self.criterionGAN = GANLoss("lsgan").double()
        self.criterionCycle, self.criterionIdt = torch.nn.L1Loss(), torch.nn.L1Loss()
        self.optimizer_G = torch.optim.Adam(
            itertools.chain(self.netG_A.parameters(), self.netG_B.parameters()), lr=0.002, betas=(0.5, 0.999)
        )
        self.optimizer_D = torch.optim.Adam(
            itertools.chain(self.netD_A.parameters(), self.netD_B.parameters()), lr=0.002, betas=(0.5, 0.999)
        )
        self.optimizers = [self.optimizer_G, self.optimizer_D]
        self.schedulers = [
            lr_scheduler.LambdaLR(self.optimizer_G, lr_lambda=LambdaLR(4, 0, 1).step),
            lr_scheduler.StepLR(self.optimizer_D, step_size=2, gamma=0.1),
        ]

    def set_requires_grad(self, nets, requires_grad=False):
        if not isinstance(nets, list):
            nets = [nets]
        for net in nets:
            if net is not None:
                for param in net.parameters():
                    param.requires_grad = requires_grad

    def backward_D_basic(self, netD, real, fake):
        loss_D_real = self.criterionGAN(netD(real), True)
        loss_D_fake = self.criterionGAN(netD(fake.detach()), False)
        loss_D = (loss_D_real + loss_D_fake) * 0.5
        loss_D.backward()
        return loss_D

    def optimize_parameters(self, real_A, real_B):
        fake_B = self.netG_A(real_A)
        rec_A = self.netG_B(fake_B)
        fake_A = self.netG_B(real_B)
        rec_B = self.netG_A(fake_A)
        self.set_requires_grad([self.netD_A, self.netD_B], False)
        self.optimizer_G.zero_grad()
        idt = self.criterionIdt(self.netG_A(real_B), real_B) + self.criterionIdt(self.netG_B(real_A), real_A)
        loss_G = self.criterionGAN(self.netD_A(fake_B), True) + self.criterionGAN(self.netD_B(fake_A), True)
        loss_G += 10.0 * (self.criterionCycle(rec_A, real_A) + self.criterionCycle(rec_B, real_B)) + 5.0 * idt
        loss_G.backward()
        self.optimizer_G.step()
        self.set_requires_grad([self.netD_A, self.netD_B], True)
        self.optimizer_D.zero_grad()
        loss_D_A = self.backward_D_basic(self.netD_A, real_B, self.fake_B_pool.query(fake_B))
        loss_D_B = self.backward_D_basic(self.netD_B, real_A, self.fake_A_pool.query(fake_A))
        self.optimizer_D.step()
        return [float(loss) for loss in (loss_G, loss_D_A, loss_D_B)]


def main(fill):
    random.seed(1)
    numbers = np.random.default_rng(5)
    model, history = CycleGANModel(fill), []
    for epoch in range(3):
        A, B = (torch.tensor(numbers.uniform(-1, 1, (2, 3, 12, 12))) for _ in range(2))
        history += model.optimize_parameters(A, B)
        for scheduler in model.schedulers:
            scheduler.step()
        history += [optimizer.param_groups[0]["lr"] for optimizer in model.optimizers]
    return history
