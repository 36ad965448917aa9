"""What every optical-flow estimator offers: two batches of frames in, one batch of flows out.

Conventions: RGB frames (B, 3, H, W) in [0, 1]; flow (B, 2, H, W) in pixels, channel 0 = dx, channel 1 = dy;
`flow_0_to_1` at pixel p of frame 0 says where p has gone in frame 1 (harness.ops.warp reads it the same way).
"""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class FlowEstimator(Protocol):
    """An optical-flow estimator, ready to be called."""

    @property
    def name(self) -> str:
        """The name in harness.flow.FLOWS."""

    @property
    def version(self) -> int:
        """Raised whenever the numbers change: it is part of the key of every record made with this flow."""

    def __call__(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        """The flow from frame 0 to frame 1 of each pair.

        Args:
            frames_0: (B, 3, H, W), RGB, [0, 1].
            frames_1: the same shape and range.

        Returns:
            flow_0_to_1, (B, 2, H, W), pixels.
        """

    def along(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """The flows between all neighbouring frames of clips (B, T, 3, H, W), both ways: (B, T-1, 2, H, W) each."""
