"""`nets/`, run by PyTorch: the same source files, with PyTorch where they import minigrad.

    dcgan = nets_in_torch("dcgan")
    dcgan.Generator()          # a torch.nn.Module

Names, arguments and semantics are PyTorch's, so nothing in the files changes but what `minigrad` means. The only things
that PyTorch lacks are stood in for here: padding that differs from side to side, and dtypes by name.
"""

import importlib
import re
import sys
import types

import torch

from tests.helpers.paths import ROOT

STAND_IN = "torch_as_minigrad"
SHARED = {"vgg_file"}  # knows no tensors: the real one


class Conv2d(torch.nn.Conv2d):
    """padding may be (left, right, top, bottom)."""

    def __init__(self, *arguments, padding=0, **options):
        self.border = padding if isinstance(padding, tuple) and len(padding) == 4 else None
        super().__init__(*arguments, padding=0 if self.border else padding, **options)

    def forward(self, x):
        return super().forward(torch.nn.functional.pad(x, self.border) if self.border else x)


class ConvTranspose2d(torch.nn.ConvTranspose2d):
    """padding may be (left, right, top, bottom): so much is cut off the sides of the result."""

    def __init__(self, *arguments, padding=0, **options):
        self.border = padding if isinstance(padding, tuple) and len(padding) == 4 else None
        super().__init__(*arguments, padding=0 if self.border else padding, **options)

    def forward(self, x):
        y = super().forward(x)
        return torch.nn.functional.pad(y, [-side for side in self.border]) if self.border else y


def tensor(data, dtype=None, device=None):
    return torch.tensor(data, dtype=getattr(torch, dtype) if isinstance(dtype, str) else dtype, device=device)


def _like(module, **others):
    """A module that has everything that `module` has, and `others` in place of what is called so."""
    copy = types.ModuleType(module.__name__)
    copy.__dict__.update({**module.__dict__, **others})
    return copy


def _stand_ins():
    nn = _like(torch.nn, Conv2d=Conv2d, ConvTranspose2d=ConvTranspose2d)
    autograd, devices = types.ModuleType("autograd"), types.ModuleType("devices")
    autograd.Tensor, devices.CPU = torch.Tensor, torch.device("cpu")
    whole = _like(torch, nn=nn, tensor=tensor, autograd=autograd, devices=devices, __path__=[])
    parts = {"": whole, ".nn": nn, ".nn.functional": torch.nn.functional, ".autograd": autograd, ".devices": devices}
    return {STAND_IN + name: module for name, module in parts.items()}


def nets_in_torch(name):
    """The module nets/NAME.py, executed with PyTorch."""
    place = f"nets_in_torch.{name}"
    if place in sys.modules:
        return sys.modules[place]
    if STAND_IN not in sys.modules:
        sys.modules.update(_stand_ins())
        sys.modules["nets_in_torch"] = types.ModuleType("nets_in_torch")
        sys.modules["nets_in_torch"].__path__ = []
    if name in SHARED:
        sys.modules[place] = importlib.import_module(f"nets.{name}")
        return sys.modules[place]
    source = (ROOT / "nets" / f"{name}.py").read_text()
    for other in re.findall(r"^from \.(\w+) import", source, re.MULTILINE):
        nets_in_torch(other)
    for others in re.findall(r"^from \. import (\w+)", source, re.MULTILINE):
        setattr(sys.modules["nets_in_torch"], others, nets_in_torch(others))
    module = types.ModuleType(place)
    module.__package__ = "nets_in_torch"
    sys.modules[place] = module
    source = re.sub(r"^(import|from) minigrad", rf"\1 {STAND_IN}", source, flags=re.MULTILINE)
    exec(compile(source, f"nets/{name}.py in PyTorch", "exec"), module.__dict__)
    return module
