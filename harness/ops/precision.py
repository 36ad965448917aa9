"""Parts of a network that stay in float32 while `torch.autocast` runs the rest in half precision.

A position in a large frame does not fit into half precision: above 1024, float16 counts whole pixels and bfloat16
steps of eight. Whatever becomes a position or a small difference of positions is computed here in float32:

    with full_precision(features.device.type):
        offsets = conv2d(at_least_float32(features), at_least_float32(weight))

Both compile without graph breaks, and do nothing to a network that runs in float32 or float64.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(device_type: str) -> AbstractContextManager[object]:
    """Switches autocast off on this kind of device ("cpu", "cuda", ...); nothing to do where it is not on.

    Tensors keep the dtype they come with: those made by autocast are to pass through `at_least_float32`.
    """
    if device_type == "meta":  # has no arithmetic, and no autocast
        return nullcontext()
    return torch.autocast(device_type, enabled=False)


def at_least_float32(tensor: Tensor) -> Tensor:
    """Half precision becomes float32; float32 and float64 come back as they are."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
