"""Optical flow from coarse to fine: a small network a level sees what the flow so far has left, and corrects it.

Source: A. Ranjan, M. J. Black, "Optical Flow Estimation using a Spatial Pyramid Network", 2017, in the form that
video super-resolution has taken over: BasicSR, mmediting, and inside of TTVSR and ETDM. 1,440,300 parameters.

Conventions: frames (B, 3, H, W), RGB in [0, 1]; flow_0_to_1 (B, 2, H, W) in pixels, dx before dy: pixel p of frame 0
lies at p + flow(p) in frame 1. Any size: frames are enlarged to multiples of 32 first, and the flow is brought back.
Differentiable in the frames. Computed in the precision of the weights, inside of autocast too: flows are positions.

Deviation: BasicSR's copy starts with a flow of half the coarsest size and so refuses frames whose enlarged side is
32. Here, as in mmediting's, it starts at the coarsest size; where both run they are equal.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.renaming import renamed
from harness.ops.precision import full_precision
from harness.ops.warp import Warp, resize_bilinear, resize_flow, warp

LEVELS = 6
_MULTIPLE = 2 ** (LEVELS - 1)  # of both sides, so that the coarsest level has whole pixels
_CHANNELS = (8, 32, 64, 32, 16, 2)
_KERNEL = 7
_RGB_MEAN, _RGB_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's

KEY_MAP = {
    "mean": "mean",
    "std": "deviation",
    **{
        f"{theirs}.{level}.{theirs}.{layer}": f"levels.{level}.correct.{2 * conv}"
        for level in range(LEVELS)
        for conv in range(len(_CHANNELS) - 1)
        for theirs, layer in (
            ("basic_module", f"{2 * conv}"),  # BasicSR, ETDM
            ("basic_module", f"{conv}.conv"),  # mmediting, TTVSR
            ("moduleBasic", f"{2 * conv}"),  # the file of the first PyTorch version
        )
    },
}
"""The layers in all three spellings that are about, for `renamed`."""


class Level(nn.Module):
    """One level: how far off the flow is, judged by both frames and the flow itself.

    Args:
        correct: frame 0, frame 1 warped to it, the flow so far, (B, 8, h, w), to what the flow lacks, (B, 2, h, w).
        sample: how frame 1 is warped.
    """

    def __init__(self, correct: nn.Module, *, sample: Warp) -> None:
        super().__init__()
        self.correct = correct
        self.sample = sample

    def forward(self, frames_0: Tensor, frames_1: Tensor, flow: Tensor) -> Tensor:
        """Frames (B, 3, h, w) and a flow (B, 2, h, w) to a better one."""
        correction: Tensor = self.correct(torch.cat((frames_0, self.sample(frames_1, flow), flow), dim=1))
        return correction + flow


class SPyNet(nn.Module):
    """Two frames to the flow from one to the other.

    Args:
        levels: coarsest first.
        mean: of the channels that the levels expect.
        deviation: of the same.
    """

    def __init__(self, levels: Sequence[Level], *, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        # Checkpoints of networks that contain this one have them: ETDM's hold the order BGR, for RGB frames.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))

    def forward(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        """Two batches (B, 3, H, W) in [0, 1] to flow_0_to_1, (B, 2, H, W), pixels."""
        height, width = frames_0.shape[-2:]
        with full_precision(frames_0.device.type):
            pyramid_0, pyramid_1 = self.pyramid(frames_0), self.pyramid(frames_1)
            flow = torch.zeros_like(pyramid_0[0][:, :2])
            for level, seen_0, seen_1 in zip(self.levels, pyramid_0, pyramid_1, strict=True):
                flow = level(seen_0, seen_1, _enlarged(flow, like=seen_0))
            return resize_flow(flow, (height, width))

    def pyramid(self, frames: Tensor) -> list[Tensor]:
        """Normalised frames, coarsest first; the last has the size of `frames` rounded up to multiples of 32."""
        height, width = (_MULTIPLE * -(-side // _MULTIPLE) for side in frames.shape[-2:])
        mean, deviation = self.get_buffer("mean"), self.get_buffer("deviation")
        levels = [(resize_bilinear(frames.to(mean.dtype), (height, width)) - mean) / deviation]
        for _ in self.levels[1:]:
            levels.insert(0, F.avg_pool2d(levels[0], 2))
        return levels


def _enlarged(flow: Tensor, *, like: Tensor) -> Tensor:
    """The flow of a level at the next one, twice as large; the zeros before the coarsest level stay as they are."""
    return 2 * F.interpolate(flow, size=like.shape[-2:], mode="bilinear", align_corners=True)


def spynet(*, sample: Warp | None = None) -> SPyNet:
    """The network, untrained.

    Args:
        sample: how its levels warp, `warp` or `stretched_warp`; default the first.
    """
    levels = [Level(_corrections(), sample=sample or warp) for _ in range(LEVELS)]
    return SPyNet(levels, mean=_RGB_MEAN, deviation=_RGB_DEVIATION)


def _corrections() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(_CHANNELS):
        layers += [nn.Conv2d(inputs, outputs, _KERNEL, padding=_KERNEL // 2), nn.ReLU()]
    return nn.Sequential(*layers[:-1])  # a correction has either sign


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A released file, in any spelling, as the state of `spynet()`. Raises DataError for a foreign name.

    Files of SPyNet alone have neither `mean` nor `deviation`: they stay what they are.
    """
    return renamed(state, KEY_MAP)
