"""Phase 1, second half: ST-FI, spatial-temporal feature interpolation (Sec. III-B, Eq. 1, Fig. 3a).

Time runs from 0 at the earlier to 1 at the later frame of each pair of given frames (the paper's t-1 and t+1).
Both branches enter the shared blocks at HR size: the LR branch is enlarged before and reduced after them, so that
both pass them as one batch.

Deviation from the text, with the release: no concatenating skip around the shared blocks.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.stinet.features import Features, per_map

FlowAdaption = Callable[[Tensor, Tensor, Sequence[float]], Tensor]
"""flow_0_to_1 and flow_1_to_0, each (B, P, 2, h, w), and K times to (B, P, K, 4, h, w): to the later frame, then
to the earlier one."""


def adapted_flows(flow_0_to_1: Tensor, flow_1_to_0: Tensor, times: Sequence[float]) -> Tensor:
    """Eq. 1: motion between two frames is linear, so a flow from time t is the part of the way that is left."""
    return torch.stack([torch.cat(((1 - t) * flow_0_to_1, t * flow_1_to_0), dim=2) for t in times], dim=2)


def raw_flows(flow_0_to_1: Tensor, flow_1_to_0: Tensor, times: Sequence[float]) -> Tensor:
    """The flows of the whole way at every time (Table III, "w/o flow adaption")."""
    return torch.stack([torch.cat((flow_0_to_1, flow_1_to_0), dim=2)] * len(times), dim=2)


class SharedBlocks(nn.Module):
    """The same blocks for both branches, which pass them as one batch."""

    def __init__(self, blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, lr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
        """Two batches of one shape, (B, C, 4h, 4w), to the same."""
        out: Tensor = self.blocks(torch.cat((lr, hr)))
        lr, hr = out.chunk(2)
        return lr, hr


class PrivateBlocks(nn.Module):
    """Blocks of its own for each branch (Table IV, "ST-FI w/o share")."""

    def __init__(self, lr_blocks: nn.Module, hr_blocks: nn.Module) -> None:
        super().__init__()
        self.lr_blocks = lr_blocks
        self.hr_blocks = hr_blocks

    def forward(self, lr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
        """Two batches (B, C, 4h, 4w) to the same shapes."""
        return self.lr_blocks(lr), self.hr_blocks(hr)


class Branch(nn.Module):
    """A branch of Pnet: what comes before and after the blocks in which the branches meet.

    Args:
        entry: (B, 3C, size of the branch) to (B, C, 4h, 4w).
        last: (B, C, 4h, 4w) to (B, C, size of the branch).
    """

    def __init__(self, *, entry: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.entry = entry
        self.last = last


class Interpolation(nn.Module):
    """Features of the given frames to those of all frames.

    Args:
        adapt: how flows between given frames become flows from a time between them.
        motion: Mnet, flows (B, 4, h, w) to the motion feature M (B, C, h, w).
        lr_branch: Pnet's side for L.
        hr_branch: Pnet's side for H.
        joint: the blocks in which the two sides meet.
        scale: HR size over LR size.
    """

    def __init__(
        self,
        *,
        adapt: FlowAdaption,
        motion: nn.Module,
        lr_branch: Branch,
        hr_branch: Branch,
        joint: SharedBlocks | PrivateBlocks,
        scale: int,
    ) -> None:
        super().__init__()
        self.adapt = adapt
        self.motion = motion
        self.lr_branch = lr_branch
        self.hr_branch = hr_branch
        self.joint = joint
        self.scale = scale

    def forward(
        self, given: Features, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float]
    ) -> Features:
        """Interpolate at every one of `times` between every two given frames, and put all in order.

        Args:
            given: features of the N given frames.
            flow_0_to_1: (B, N-1, 2, h, w), from each given frame to the next, LR pixels.
            flow_1_to_0: the same, from each to the one before.
            times: K increasing times between 0 and 1, both excluded.

        Returns:
            Features of N + (N-1) K frames.
        """
        motion = per_map(self.motion, self.adapt(flow_0_to_1, flow_1_to_0, times))
        between = self._between(given, motion)
        return Features(lr=_interleave(given.lr, between.lr), hr=_interleave(given.hr, between.hr))

    def _between(self, given: Features, motion: Tensor) -> Features:
        """Pnet, for all pairs and times at once: motion (B, N-1, K, C, h, w) to maps that begin alike."""
        motion_hr = F.interpolate(motion.flatten(0, 2), scale_factor=self.scale, mode="bilinear", align_corners=True)
        motion_hr = motion_hr.unflatten(0, motion.shape[:3])
        lr = per_map(self.lr_branch.entry, _with_neighbours(given.lr, motion))
        hr = per_map(self.hr_branch.entry, _with_neighbours(given.hr, motion_hr))
        lr_met, hr_met = self.joint(lr.flatten(0, 2), hr.flatten(0, 2))
        lr, hr = lr_met.unflatten(0, motion.shape[:3]), hr_met.unflatten(0, motion.shape[:3])
        return Features(lr=per_map(self.lr_branch.last, lr), hr=per_map(self.hr_branch.last, hr))


def _with_neighbours(given: Tensor, motion: Tensor) -> Tensor:
    """Earlier frame, later frame, motion: (B, N, C, H, W) and (B, N-1, K, C, H, W) to (B, N-1, K, 3C, H, W)."""
    earlier, later = given[:, :-1, None].expand_as(motion), given[:, 1:, None].expand_as(motion)
    return torch.cat((earlier, later, motion), dim=-3)


def _interleave(given: Tensor, between: Tensor) -> Tensor:
    """(B, N, ...) and (B, N-1, K, ...) in the order of time: (B, N + (N-1) K, ...)."""
    all_but_last = torch.cat((given[:, :-1, None], between), dim=2).flatten(1, 2)
    return torch.cat((all_but_last, given[:, -1:]), dim=1)
