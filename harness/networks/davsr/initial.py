"""The estimate that the iterations start from: frames put between the given ones, then all of them enlarged."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Blend(nn.Module):
    """The linear blend, which needs no weights."""

    def forward(self, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
        """Frames (B, 3, h, w) and K times to (B, K, 3, h, w)."""
        return torch.stack([(1 - time) * first + time * second for time in times], dim=1)


class InitialEstimate(nn.Module):
    """A clip of all output frames.

    Args:
        interpolate: two frames (B, 3, h, w) and K times to the frames between, (B, K, 3, h, w).
        time_factor: output frames for each input frame.
        space_factor: of the sides.
        lead: output frames before the first input frame; they are like it.
    """

    def __init__(self, interpolate: nn.Module, *, time_factor: int, space_factor: int, lead: int) -> None:
        super().__init__()
        self.interpolate = interpolate
        self.time_factor = time_factor
        self.space_factor = space_factor
        self.lead = lead

    def forward(self, frames: Tensor) -> Tensor:
        """(B, t, 3, h, w) to (B, T, 3, H, W); the frames after the last input frame are like it."""
        batch, count = frames.shape[:2]
        times = [k / self.time_factor for k in range(1, self.time_factor)]
        steps = [frames[:, :-1].unsqueeze(2)]
        if times:
            first, second = frames[:, :-1].flatten(0, 1), frames[:, 1:].flatten(0, 1)
            steps.append(self.interpolate(first, second, times).unflatten(0, (batch, count - 1)))
        start, end = frames[:, :1], frames[:, -1:]
        tail = self.time_factor - self.lead
        filled = (
            start.expand(-1, self.lead, -1, -1, -1),
            torch.cat(steps, dim=2).flatten(1, 2),
            end.expand(-1, tail, -1, -1, -1),
        )
        small = torch.cat(filled, dim=1)
        large = F.interpolate(
            small.flatten(0, 1), scale_factor=self.space_factor, mode="bilinear", align_corners=True
        )
        return large.reshape(*small.shape[:2], *large.shape[1:])
