"""ABMNet: a symmetric motion becomes one that is right for one of both frames.

An anchor, a first estimate of the frame between, is compared with a frame along the symmetric motion; where the
anchor cannot be trusted, its features weigh less. At a quarter of the size of the frames, then at half of it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import SLOPE, activated_conv, conv
from harness.networks.layers.pwc import (
    UNIT,
    DenseLayers,
    dilated_keys,
    dilated_layers,
    enlarging_layer,
    feature_keys,
    feature_levels,
    motion_layer,
    through,
)
from harness.ops.correlation import correlation
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import resize_bilinear, warp_inside

MAX_DISPLACEMENT = 2
_COSTS = (2 * MAX_DISPLACEMENT + 1) ** 2
_WIDTHS = (16, 32)
_DENSE = (64, 64, 48, 32, 16)
_DILATED = ((64, 1), (64, 2), (64, 4), (48, 8), (32, 16), (16, 1))


def compared(anchor: Tensor, frame: Tensor, motion: Tensor, *, unit: float) -> Tensor:
    """How alike features of the anchor and features of a frame moved to it are, activated, (B, 25, h, w).

    Args:
        anchor: (B, C, h, w).
        frame: the same.
        motion: (B, 2, h, w).
        unit: of the motion, in pixels of these maps.
    """
    moved = warp_inside(frame, unit * motion, reading="corners")
    return F.leaky_relu(correlation(anchor, moved, max_displacement=MAX_DISPLACEMENT), SLOPE)


class QuarterSize(nn.Module):
    """The first correction, and how far the anchor can be trusted."""

    unit = UNIT / 4

    def __init__(self) -> None:
        super().__init__()
        self.frame_features = activated_conv(_WIDTHS[1], _WIDTHS[1])
        self.dense = DenseLayers(_COSTS + _WIDTHS[1] + 2, _DENSE)
        self.motion = motion_layer(self.dense.channels)
        self.trust = conv(self.dense.channels, 1)

    def forward(self, anchor: Tensor, frame: Tensor, motion: Tensor, trust: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (B, 32, h, w), motion and trust in [0, 1] to motion, trust before a sigmoid, and features."""
        cost = compared(anchor * trust, self.frame_features(frame), motion, unit=self.unit)
        features = self.dense(torch.cat((cost, anchor, motion), dim=1))
        return motion + self.motion(features), self.trust(features), features


class HalfSize(nn.Module):
    """The second correction, from features of twice the size."""

    unit = UNIT / 2

    def __init__(self, coarser_channels: int) -> None:
        super().__init__()
        width = _WIDTHS[0]
        self.enlarge_features = enlarging_layer(coarser_channels, width)
        self.anchor_features = conv(width, width)
        self.frame_features = activated_conv(width, width)
        self.dense = DenseLayers(_COSTS + 2 * width + 2, _DENSE)
        self.motion = motion_layer(self.dense.channels)
        self.dilated = dilated_layers(self.dense.channels, _DILATED)

    def forward(self, anchor: Tensor, frame: Tensor, motion: Tensor, trust: Tensor, features: Tensor) -> Tensor:
        """Features (B, 16, h, w), motion and trust of twice the size, features of the quarter, to the motion."""
        features = F.leaky_relu(self.enlarge_features(features), SLOPE)
        anchor = F.leaky_relu(anchor * trust.sigmoid() + self.anchor_features(features), SLOPE)
        cost = compared(anchor, self.frame_features(frame), motion, unit=self.unit)
        seen = self.dense(torch.cat((cost, anchor, motion, features), dim=1))
        corrected: Tensor = motion + self.motion(seen) + self.dilated(seen)
        return corrected


class AsymmetricMotion(nn.Module):
    """Anchor, frame and symmetric motion to the motion from the anchor to the frame."""

    def __init__(self) -> None:
        super().__init__()
        self.features = feature_levels(_WIDTHS, first_stride=2)
        self.at_quarter = QuarterSize()
        self.at_half = HalfSize(self.at_quarter.dense.channels)

    def forward(self, anchor: Tensor, frame: Tensor, motion: Tensor, trust: Tensor) -> Tensor:
        """Refine.

        Args:
            anchor: (B, 3, H, W), in [0, 1], sides multiples of four.
            frame: the same.
            motion: from the anchor to the frame, (B, 2, H / 4, W / 4), in units of 20 pixels.
            trust: in the anchor, (B, 1, H / 4, W / 4), in [0, 1].

        Returns:
            (B, 2, H, W), in units of 20 pixels.
        """
        with full_precision(anchor.device.type):
            anchors, frames = (through(self.features, at_least_float32(maps)) for maps in (anchor, frame))
            motion, unsure, features = self.at_quarter(anchors[1], frames[1], motion, trust)
            motion = self.at_half(anchors[0], frames[0], doubled(motion), doubled(unsure), features)
            return resize_bilinear(motion, (anchor.shape[2], anchor.shape[3]))


def doubled(maps: Tensor) -> Tensor:
    """(B, C, h, w) to (B, C, 2h, 2w): every number, and behind it the mean with its neighbour; the last twice."""
    for dim in (2, 3):
        following = torch.cat((maps.narrow(dim, 1, maps.shape[dim] - 1), maps.narrow(dim, -1, 1)), dim=dim)
        maps = torch.stack((maps, (maps + following) / 2), dim=dim + 1).flatten(dim, dim + 1)
    return maps


KEY_MAP = {
    **feature_keys(len(_WIDTHS)),
    **{
        f"conv{number}_{k}": f"{ours}.dense.layers.{k}"
        for number, ours in ((2, "at_quarter"), (1, "at_half"))
        for k in range(len(_DENSE))
    },
    "conv2_ASFM": "at_quarter.frame_features",
    "predict_flow2": "at_quarter.motion",
    "predict_mask2": "at_quarter.trust",
    "upfeat2": "at_half.enlarge_features",
    "conv1_ASFM": "at_half.frame_features",
    "conv1_Res.0": "at_half.anchor_features",
    "predict_flow1": "at_half.motion",
    **{theirs: f"at_half.{ours}" for theirs, ours in dilated_keys(len(_DILATED) + 1).items()},
}
"""The release's layers in ours, for `renamed`."""
