"""cuDNN is not used: minigrad's kernels are its own. The settings may be assigned, as code for PyTorch does, and change
nothing: results are deterministic in any case."""

enabled = False
benchmark = False
deterministic = True


def is_available() -> bool:
    """False."""
    return False
