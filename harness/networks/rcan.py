"""RCAN: a very deep stack of residual blocks, each of which weighs its channels by what the whole frame holds.

Source: Y. Zhang, K. Li, K. Li, L. Wang, B. Zhong, Y. Fu, "Image Super-Resolution Using Very Deep Residual Channel
Attention Networks", 2018, and the behaviour of its release.

Conventions: frames (B, 3, h, w), RGB in 0..255, any size from 1x1; the result (B, 3, 4h, 4w) in the same range, not
clamped. 3x3 convolutions with bias pad with zeros; ReLU. torch.compile makes one graph of it.

The mean of the training data (DIV2K) is taken off at the entry and put back at the exit by two 1x1 convolutions that
are part of the checkpoint.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from harness.networks.layers.convolutions import conv, pointwise
from harness.networks.layers.renaming import renamed

SCALE = 4

RANGE = 255.0
"""Of the frames."""

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""RGB, in [0, 1]."""

GROUPS = 10
BLOCKS = 20


class RCAN(nn.Module):
    """A frame, four times larger.

    Args:
        subtract_mean: of the training data, (B, 3, h, w) to the same shape.
        head: shallow features F_0, (B, C, h, w).
        body: residual in residual, F_0 to deep features of the same shape; adds F_0 itself.
        tail: features to the frame, (B, 3, 4h, 4w).
        add_mean: puts the mean back.
    """

    def __init__(
        self, *, subtract_mean: nn.Module, head: nn.Module, body: nn.Module, tail: nn.Module, add_mean: nn.Module
    ) -> None:
        super().__init__()
        self.subtract_mean = subtract_mean
        self.head = head
        self.body = body
        self.tail = tail
        self.add_mean = add_mean

    def forward(self, frames: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, 4h, 4w), RGB in 0..255."""
        shallow = self.head(self.subtract_mean(frames))
        deep = self.body(shallow)
        enlarged: Tensor = self.add_mean(self.tail(deep))
        return enlarged


class Residual(nn.Sequential):
    """Layers in a row beside the identity: what blocks, groups of blocks and the body all are."""

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        residual: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
        return features + residual


class ChannelAttention(nn.Module):
    """Weighs each channel by a number in (0, 1) that depends on the means of all channels.

    Args:
        channels: C.
        reduction: of the channels between the two layers.
    """

    def __init__(self, channels: int, *, reduction: int) -> None:
        super().__init__()
        few = channels // reduction
        self.gate = nn.Sequential(
            pointwise(channels, few), nn.ReLU(inplace=True), pointwise(few, channels), nn.Sigmoid()
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape. The mean is over the whole frame, so frames in tiles give other numbers."""
        weighed: Tensor = features * self.gate(features.mean(dim=(-2, -1), keepdim=True))
        return weighed


def rcan(*, channels: int = 64, groups: int = GROUPS, blocks: int = BLOCKS, reduction: int = 16) -> RCAN:
    """The network, untrained; the defaults are the released one's 15,592,379 parameters.

    Args:
        channels: C, of all features.
        groups: residual groups in the body.
        blocks: residual blocks in each of them.
        reduction: of channels in the attention.
    """

    def block() -> nn.Module:
        layers = conv(channels, channels), nn.ReLU(inplace=True), conv(channels, channels)
        return Residual(*layers, ChannelAttention(channels, reduction=reduction))

    def group() -> nn.Module:
        return Residual(*(block() for _ in range(blocks)), conv(channels, channels))

    doublings = [layer for _ in range(2) for layer in (conv(channels, 4 * channels), nn.PixelShuffle(2))]
    return RCAN(
        subtract_mean=_shift(-1),
        head=conv(3, channels),
        body=Residual(*(group() for _ in range(groups)), conv(channels, channels)),
        tail=nn.Sequential(*doublings, conv(channels, 3)),
        add_mean=_shift(1),
    )


def _shift(sign: int) -> nn.Conv2d:
    """Adds the mean, or takes it off: parameters in the release too, which meant to freeze them and does not."""
    layer = pointwise(3, 3)
    layer.load_state_dict({"weight": torch.eye(3).view(3, 3, 1, 1), "bias": sign * RANGE * torch.tensor(DIV2K_MEAN)})
    return layer


KEY_MAP = {
    "sub_mean": "subtract_mean",
    "head.0": "head",
    "body": "body",
    **{f"body.{g}.body": f"body.{g}" for g in range(GROUPS)},
    **{f"body.{g}.body.{b}.body": f"body.{g}.{b}" for g in range(GROUPS) for b in range(BLOCKS)},
    "tail.0.0": "tail.0",
    "tail.0.2": "tail.2",
    "tail.1": "tail.4",
    "add_mean": "add_mean",
}
"""The release's layers, or blocks of layers, in ours, for `renamed`."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `rcan()`. Raises DataError for a foreign name."""
    return renamed(state, KEY_MAP, parts={"conv_du": "gate"})
