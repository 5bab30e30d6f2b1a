"""What programs import from `torch.utils.data.dataloader`."""

from ...data.dataset import collate as default_collate
from ...data.loader import DataLoader

__all__ = ["DataLoader", "default_collate"]
