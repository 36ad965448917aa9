"""Interpolators that make the frame half-way between two, and no other.

Other moments come by recursion, as the authors of SepConv do it: first 1/2, then 1/4 between 0 and 1/2, and 3/4
between 1/2 and 1. So the rates are the powers of two.
"""

from abc import abstractmethod

import torch
from torch import Tensor

from harness.errors import UsageError
from harness.upscalers.base import Flows, Interpolator
from harness.upscalers.interpolation import interleave


class MiddleFrame(Interpolator):
    """An interpolator by halves."""

    @abstractmethod
    def middle(self, before: Tensor, after: Tensor) -> Tensor:
        """The frames half-way, all (B, 3, h, w) in [0, 1]; not clamped."""

    def check_rate(self, rate: int) -> None:
        if rate & (rate - 1):
            raise UsageError(
                "This interpolator makes the frame half-way between two: its rates are powers of two.",
                found=f"rate {rate}",
                todo="use --rate 2, 4 or 8, or an interpolator that knows all moments: dain, bmbc, farneback",
            )

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """See `Interpolator`; pair by pair, so that memory does not grow with the clip's length."""
        del flows
        self.check_rate(rate)
        while rate > 1 and len(clip) > 1:
            pairs = zip(clip[:-1].split(1), clip[1:].split(1), strict=True)
            clip = interleave(clip, [torch.cat([self.middle(before, after) for before, after in pairs])])
            rate //= 2
        return clip
