"""Phase 1, second half: ST-FI, spatial-temporal feature interpolation (Sec. III-B, Eq. 1, Fig. 3a).

Time runs from 0 at the earlier to 1 at the later frame of each pair of given frames (the paper's t-1 and t+1).
Both branches enter the shared blocks at HR size: the LR branch is enlarged before and reduced after them, so that
both pass them as one batch.

Deviation from the text, with the release: no concatenating skip around the shared blocks, unless
`interpolation_skip = "concat"` asks for it.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from harness.networks.layers.sequences import interleaved, per_map
from harness.networks.stinet.blocks import SplitConvolution
from harness.networks.stinet.sides import PerSide, Private, Sides
from harness.ops.precision import at_least_float32, full_precision

FlowAdaption = Callable[[Tensor, Tensor, Sequence[float]], Tensor]
"""flow_0_to_1 and flow_1_to_0, each (P, B, 2, h, w), and K times to (P, K, B, 4, h, w): to the later frame, then
to the earlier one."""


def adapted_flows(flow_0_to_1: Tensor, flow_1_to_0: Tensor, times: Sequence[float]) -> Tensor:
    """Eq. 1: motion between two frames is linear, so a flow from time t is the part of the way that is left."""
    return torch.stack([torch.cat(((1 - t) * flow_0_to_1, t * flow_1_to_0), dim=2) for t in times], dim=1)


def raw_flows(flow_0_to_1: Tensor, flow_1_to_0: Tensor, times: Sequence[float]) -> Tensor:
    """The flows of the whole way at every time (Table III, "w/o flow adaption")."""
    return torch.stack([torch.cat((flow_0_to_1, flow_1_to_0), dim=2)] * len(times), dim=1)


class Motion(nn.Module):
    """Mnet: flows to the motion feature M, of the size of each side. Full precision: flows are positions.

    Args:
        adapt: how flows between given frames become flows from a time between them.
        layers: flows (B, 4, h, w) to M (B, C, h, w).
        sides: M to the size of each side.
    """

    def __init__(self, *, adapt: FlowAdaption, layers: nn.Module, sides: Private) -> None:
        super().__init__()
        self.adapt = adapt
        self.layers = layers
        self.sides = sides

    def forward(self, flow_0_to_1: Tensor, flow_1_to_0: Tensor, times: Sequence[float]) -> Sides:
        """Flows (P, B, 2, h, w) to M (P, K, B, C, ...) by side."""
        with full_precision(flow_0_to_1.device.type):
            flows = self.adapt(at_least_float32(flow_0_to_1), at_least_float32(flow_1_to_0), times)
            motion = per_map(self.layers, flows)
        resized: Sides = self.sides(dict.fromkeys(self.sides, motion))
        return resized


class NoMotion(nn.Module):
    """No motion feature at all (Table III, "w/o optical flows")."""

    def forward(self, flow_0_to_1: Tensor, flow_1_to_0: Tensor, times: Sequence[float]) -> Sides:
        """Nothing, for no side."""
        del flow_0_to_1, flow_1_to_0, times
        return {}


class Entry(nn.Module):
    """The first layers of a branch of Pnet.

    Args:
        first: convolution of (earlier, later, motion), which are never concatenated: what depends on the frames
            alone is computed once for all times.
        rest: what follows it.
    """

    def __init__(self, *, first: SplitConvolution, rest: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.rest = rest

    def forward(self, before: Tensor, after: Tensor, motion: Tensor | None, moments: int) -> Tensor:
        """Frames (P, B, C, ...) and motion (P, K, B, C, ...) to (P, K, B, C, 4h, 4w), K moments."""
        mixed = (self.first.part(0, before) + self.first.part(1, after)).unsqueeze(1)
        if motion is not None:
            mixed = mixed + self.first.part(2, motion)
        entered = per_map(self.rest, mixed)
        return entered.expand(-1, moments, *entered.shape[2:])


class KeepBlocks(nn.Module):
    """No skip: what comes out of the blocks goes on."""

    def forward(self, entered: Sides, met: Sides) -> Sides:
        """The second argument."""
        del entered
        return met


class Interpolation(nn.Module):
    """Features of the given frames to those of all frames.

    Args:
        motion: Mnet.
        entry: Pnet before the blocks in which the sides meet, for each side.
        joint: these blocks.
        skip: around these blocks.
        last: Pnet after them, (B, C, 4h, 4w) to the size of the side.
    """

    def __init__(
        self, *, motion: nn.Module, entry: Mapping[str, Entry], joint: PerSide, skip: nn.Module, last: Private
    ) -> None:
        super().__init__()
        self.motion = motion
        self.entry = nn.ModuleDict(dict(entry))
        self.joint = joint
        self.skip = skip
        self.last = last

    def forward(self, given: Sides, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float]) -> Sides:
        """Interpolate at every one of `times` between every two given frames, and put all in order.

        Args:
            given: features of the N given frames, (N, B, C, ...).
            flow_0_to_1: (N-1, B, 2, h, w), from each given frame to the next, LR pixels.
            flow_1_to_0: the same, from each to the one before.
            times: K increasing times between 0 and 1, both excluded.

        Returns:
            Features of N + (N-1) K frames.
        """
        between = self.between(given, flow_0_to_1, flow_1_to_0, times=times)
        return {side: interleaved(maps, between[side]) for side, maps in given.items()}

    def between(self, given: Sides, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float]) -> Sides:
        """Only the new frames, (N-1, K, B, C, ...): each depends on its two neighbours and their flows."""
        motion = self.motion(flow_0_to_1, flow_1_to_0, times)
        entered = {
            side: self.entry[side](maps[:-1], maps[1:], motion.get(side), len(times)) for side, maps in given.items()
        }
        between: Sides = self.last(self.skip(entered, self.joint(entered)))
        return between
