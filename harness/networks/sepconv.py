"""The frame half-way between two: every pixel of it by a kernel of its own on each of both frames.

Source: S. Niklaus, L. Mai, F. Liu, "Video Frame Interpolation via Adaptive Separable Convolution", 2017, and the
behaviour of its release. 21,675,452 parameters; the weights `l1` and `lf` are two states of this one network.

Conventions: frames (B, 3, H, W) in [0, 1], channels in the order of the weights: the authors' is BGR. Nothing is
subtracted, normalised or clamped. H and W are multiples of 32; `interpolate` takes any size and pads as the authors
do. Convolutions are 3x3 and pad with zeros. No time but 1/2.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.convolutions import conv
from harness.networks.layers.renaming import renamed
from harness.networks.layers.unet import UNet
from harness.ops.separable_conv import separable_conv

MULTIPLE = 32
TAPS = 51
"""Of the released kernels, along each axis."""

PaddingRule = Literal["improved", "paper"]
_MARGIN: dict[PaddingRule, int] = {"improved": 0, "paper": 25}
_PADDED_MULTIPLE = 128


class KernelPair(nn.Module):
    """What one frame adds: kernels of features, applied to the frame.

    Args:
        vertical: features (B, C, H/2, W/2) to columns of the kernels, (B, K, H, W).
        horizontal: the same to rows.
    """

    def __init__(self, vertical: nn.Module, horizontal: nn.Module) -> None:
        super().__init__()
        self.vertical = vertical
        self.horizontal = horizontal

    def forward(self, frames: Tensor, features: Tensor) -> Tensor:
        """(B, 3, H, W), whose edge is repeated outside, and features to (B, 3, H, W)."""
        vertical, horizontal = self.vertical(features), self.horizontal(features)
        reach = vertical.shape[1] // 2
        return separable_conv(F.pad(frames, (reach,) * 4, mode="replicate"), vertical, horizontal)


class SepConv(nn.Module):
    """Two frames to the one between them.

    Args:
        features: both frames, (B, 6, H, W), to (B, C, H/2, W/2).
        before: kernels for the first frame.
        after: kernels for the second.
    """

    def __init__(self, *, features: nn.Module, before: KernelPair, after: KernelPair) -> None:
        super().__init__()
        self.features = features
        self.before = before
        self.after = after

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Interpolate.

        Args:
            before: (B, 3, H, W) in [0, 1], both sides multiples of 32.
            after: of the same shape.

        Returns:
            (B, 3, H, W), not clamped.

        Raises:
            DataError: the shapes differ, or a side is no multiple of 32.
        """
        if before.shape != after.shape or any(side % MULTIPLE for side in before.shape[-2:]):
            raise DataError(
                f"SepConv takes two frames of one size, whose sides are multiples of {MULTIPLE}.",
                found=f"{tuple(before.shape)} and {tuple(after.shape)}",
                todo="harness.networks.sepconv.interpolate takes any size",
            )
        features = self.features(torch.cat((before, after), dim=1))
        half: Tensor = self.before(before, features)
        other: Tensor = self.after(after, features)
        return half + other


def interpolate(network: SepConv, before: Tensor, after: Tensor, *, padding: PaddingRule = "improved") -> Tensor:
    """Two frames of any size, padded by their edges as the authors do it, and the result cropped.

    Args:
        network: SepConv.
        before: (B, 3, h, w) in [0, 1].
        after: of the same shape.
        padding: "paper" adds 25 pixels at every side first; "improved", the authors' later and better one, does not.
            Either way, both sides become multiples of 128, at the right and at the bottom.

    Returns:
        (B, 3, h, w).
    """
    height, width = before.shape[-2:]
    margin = _MARGIN[padding]
    right, bottom = (margin + -(side + 2 * margin) % _PADDED_MULTIPLE for side in (width, height))
    room = (margin, right, margin, bottom)
    made: Tensor = network(*(F.pad(frames, room, mode="replicate") for frames in (before, after)))
    return made[..., margin : margin + height, margin : margin + width]


class Enlarge(nn.Module):
    """One level up: convolutions, twice the size, one more, and the sum with what was there on the way down."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.look = _thrice(inputs, outputs)
        self.enlarge = nn.Sequential(_double(), conv(outputs, outputs), nn.ReLU(inplace=True))

    def forward(self, smaller: Tensor, passed: Tensor) -> Tensor:
        """(B, C, h/2, w/2) and (B, C', h, w) to (B, C', h, w)."""
        enlarged: Tensor = self.enlarge(self.look(smaller))
        return enlarged + passed


def sepconv(*, channels: int = 32, taps: int = TAPS) -> SepConv:
    """The network, untrained; the defaults are the released sizes.

    Args:
        channels: at full size; twice as many a level down.
        taps: K, odd.
    """
    _, half, *rest = widths = [channels * 2**level for level in range(5)]
    features = UNet(
        entry=nn.Sequential(_thrice(6, channels), nn.AvgPool2d(2), _thrice(channels, half)),
        down=[*(nn.Sequential(nn.AvgPool2d(2), _thrice(width // 2, width)) for width in rest), nn.AvgPool2d(2)],
        up=[Enlarge(min(2 * width, widths[-1]), width) for width in reversed(widths[1:])],
        last=nn.Identity(),
    )
    before, after = (KernelPair(_taps(half, taps), _taps(half, taps)) for _ in range(2))
    return SepConv(features=features, before=before, after=after)


def _thrice(inputs: int, outputs: int) -> nn.Sequential:
    layers = ((conv(each, outputs), nn.ReLU(inplace=True)) for each in (inputs, outputs, outputs))
    return nn.Sequential(*chain.from_iterable(layers))


def _double() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)


def _taps(channels: int, taps: int) -> nn.Sequential:
    """Features to one of the four parts of the kernels; of either sign, and not normalised."""
    twice = (layer for _ in range(2) for layer in (conv(channels, channels), nn.ReLU(inplace=True)))
    return nn.Sequential(*twice, conv(channels, taps), nn.ReLU(inplace=True), _double(), conv(taps, taps))


_LAYERS = {
    "Conv1": "features.entry.0",
    "Conv2": "features.entry.2",
    **{f"Conv{level}": f"features.down.{level - 3}.1" for level in (3, 4, 5)},
    **{f"Deconv{level}": f"features.up.{5 - level}.look" for level in (5, 4, 3, 2)},
    **{f"Upsample{level}": f"features.up.{5 - level}.enlarge" for level in (5, 4, 3, 2)},
    **{f"Vertical{k}": f"{ours}.vertical" for k, ours in ((1, "before"), (2, "after"))},
    **{f"Horizontal{k}": f"{ours}.horizontal" for k, ours in ((1, "before"), (2, "after"))},
}

KEY_MAP = {f"{prefix}{theirs}": ours for prefix in ("module", "net") for theirs, ours in _LAYERS.items()}
"""The release's layers in ours, for `renamed`: as its files spell them, and as its code does today."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `sepconv()`. Raises DataError for a foreign name."""
    return renamed(state, KEY_MAP)
