"""What every optical-flow estimator offers: two batches of frames in, one batch of flows out.

Conventions: RGB frames (B, 3, H, W) in [0, 1]; flow (B, 2, H, W) in pixels, channel 0 = dx, channel 1 = dy;
`flow_0_to_1` at pixel p of frame 0 says where p has gone in frame 1 (harness.ops.warp reads it the same way).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from harness.errors import DataError
from harness.ops.precision import full_precision

Pair = tuple[int, int]
"""Two frames of a clip, by number: the flow goes from the first to the second."""


class FlowEstimator(ABC):
    """An optical-flow estimator, ready to be called.

    Attributes:
        name: its name in harness.flow.FLOWS.
        version: raised whenever its numbers change: part of the key of every record made with this flow.
        weights_sha256: of the file that it was loaded from; empty where nothing is learned.
        differentiable: whether flows have a gradient by the frames.
    """

    name: str
    version: int
    weights_sha256: str = ""
    differentiable: bool = True

    @property
    def identity(self) -> str:
        """Version and weights, as they go into the key of a record."""
        return f"{self.version}+{self.weights_sha256}" if self.weights_sha256 else str(self.version)

    @abstractmethod
    def __call__(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        """The flow from frame 0 to frame 1 of each pair.

        Args:
            frames_0: (B, 3, H, W), RGB, [0, 1], floating point.
            frames_1: the same shape and range.

        Returns:
            flow_0_to_1, (B, 2, H, W), pixels, float32 or float64.

        Raises:
            DataError: the frames have different shapes, or are not floating point.
        """

    def pairs(self, clips: Tensor, pairs: Sequence[Pair]) -> Tensor:
        """The flows of some pairs of frames of every clip: (B, T, 3, H, W) to (B, len(pairs), 2, H, W)."""
        frames_0, frames_1 = (take(clips, side).flatten(0, 1) for side in sides(pairs))
        flows: Tensor = self(frames_0, frames_1).unflatten(0, (len(clips), len(pairs)))
        return flows

    def along(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """The flows between all neighbouring frames of clips (B, T, 3, H, W), both ways; outside of autocast.

        Returns:
            flow_0_to_1 and flow_1_to_0 of the T - 1 pairs, (B, T-1, 2, H, W) each.
        """
        steps = clips.shape[1] - 1
        there = [(t, t + 1) for t in range(steps)]
        back = [(t + 1, t) for t in range(steps)]
        with full_precision(clips.device.type):
            flows = self.pairs(clips, [*there, *back])
        return flows[:, :steps], flows[:, steps:]


def check_frames(*batches: Tensor) -> None:
    """Raises DataError for frames of which no flow can be computed."""
    if len({frames.shape for frames in batches}) > 1:
        raise DataError(
            "Flow needs two batches of frames of one shape.",
            found=" and ".join(str(tuple(frames.shape)) for frames in batches),
            todo="pass as many second frames as first frames, of the same size",
        )
    for frames in batches:
        if not frames.is_floating_point():
            raise DataError(
                "Flow is computed from floating-point frames in [0, 1].",
                found=f"{frames.dtype}",
                todo="divide 8-bit frames by 255 first",
            )


def sides(pairs: Sequence[Pair]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first frames of all pairs, and the second ones."""
    return tuple(first for first, _ in pairs), tuple(second for _, second in pairs)


def take(sequences: Tensor, numbers: Sequence[int]) -> Tensor:
    """Those frames, or flows, of every clip: (B, T, ...) to (B, len(numbers), ...)."""
    return sequences.index_select(1, _indices(tuple(numbers), sequences.device))


@lru_cache(maxsize=64)
def _indices(numbers: tuple[int, ...], device: torch.device) -> Tensor:
    """Numbers on a device; kept, because a copy to a GPU waits for everything that the GPU has still to do."""
    with torch.inference_mode(False):
        return torch.tensor(numbers, dtype=torch.long, device=device)
