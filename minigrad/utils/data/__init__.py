"""PyTorch's `torch.utils.data`, with its modules: the names of `minigrad.data` that have to do with data sets."""

from ...data.dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from ...data.dataset import collate as default_collate
from ...data.loader import DataLoader
from ...data.sampler import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from . import dataloader, dataset, sampler

__all__ = [
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "dataloader",
    "dataset",
    "default_collate",
    "random_split",
    "sampler",
]
