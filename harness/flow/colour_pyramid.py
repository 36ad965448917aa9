"""The image pyramid of the variational flow, and the features of its levels.

Source: C. Liu, "Beyond Pixels", 2009; the sizes and the positions of samples are those of its program, down to the
truncation of numbers that are almost whole.

Conventions: images (N, 3, H, W), RGB in [0, 1]; levels come finest first; borders repeat the edge pixel.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_GREY = (0.299, 0.587, 0.114)
_SLOPE = (1 / 12, -8 / 12, 0.0, 8 / 12, -1 / 12)
_LARGEST_STEP = 0.25
"""A level is made of another one that is at most four times as large."""


def colour_pyramid(images: Tensor, *, ratio: float, min_width: int) -> list[Tensor]:
    """All levels of images (N, 3, H, W); the width alone decides how many there are, at least one."""
    width = images.shape[-1]
    base = 1 / ratio - 1
    far = int(math.log(_LARGEST_STEP) / math.log(ratio))
    levels = [images]
    for index in range(1, int(math.log(min_width / width) / math.log(ratio))):
        below = min(index, far)  # how many levels below lies the one that this is made of
        source = levels[index - below]
        sigma = base * below
        factor = ratio**index * width / source.shape[-1]
        levels.append(_shrink(_blur(source, sigma), factor))
    return levels


def features(images: Tensor) -> Tensor:
    """Grey, its slopes in x and in y, green minus red, green minus blue: (N, 5, H, W)."""
    red, green, blue = images.split(1, dim=1)
    grey = _GREY[0] * red + _GREY[1] * green + _GREY[2] * blue
    return torch.cat((grey, slope(grey, -1), slope(grey, -2), green - red, green - blue), dim=1)


def enlarge_flow(flow: Tensor, size: tuple[int, int], *, ratio: float) -> Tensor:
    """The flow (N, 2, h, w) of a level at the next finer one, which has `size`; the flow of that size as it is.

    Lengths grow by 1 / ratio, whatever the sizes in whole pixels.
    """
    height, width = flow.shape[-2:]
    if (height, width) == size:
        return flow
    sampled = _sample(_sample(flow, size[1], size[1] / width, dim=-1), size[0], size[0] / height, dim=-2)
    return sampled / ratio


def slope(planes: Tensor, dim: int) -> Tensor:
    """The derivative along a dimension, by five taps."""
    return correlate(planes, _SLOPE, dim)


def correlate(planes: Tensor, taps: Sequence[float], dim: int) -> Tensor:
    """Planes (N, C, H, W) with an odd number of taps along one dimension; the edge pixel is repeated."""
    radius, size = len(taps) // 2, planes.shape[dim]
    sides = (radius, radius, 0, 0) if dim == -1 else (0, 0, radius, radius)
    padded = F.pad(planes, sides, mode="replicate")
    total = padded.narrow(dim, 0, size) * taps[0]
    for k, tap in enumerate(taps[1:], start=1):
        if tap:
            total.add_(padded.narrow(dim, k, size), alpha=tap)
    return total


def _blur(images: Tensor, sigma: float) -> Tensor:
    radius = int(sigma * 3)
    taps = [math.exp(-k * k / (2 * sigma * sigma)) for k in range(-radius, radius + 1)]
    taps = [tap / sum(taps) for tap in taps]
    return correlate(correlate(images, taps, -1), taps, -2)


def _shrink(images: Tensor, factor: float) -> Tensor:
    height, width = images.shape[-2:]
    across = _sample(images, max(1, int(width * factor)), factor, dim=-1)
    return _sample(across, max(1, int(height * factor)), factor, dim=-2)


def _sample(planes: Tensor, size: int, factor: float, *, dim: int) -> Tensor:
    """`size` samples along a dimension, the j-th at (j + 1) / factor - 1, linear between pixels."""
    last = planes.shape[dim] - 1
    position = (torch.arange(size, device=planes.device, dtype=planes.dtype) + 1) / factor - 1
    position = position.clamp(0, last)
    before = position.floor()
    weight = position - before
    index = before.long()
    weight = weight if dim == -1 else weight.unsqueeze(-1)
    return torch.lerp(planes.index_select(dim, index), planes.index_select(dim, (index + 1).clamp(max=last)), weight)
