"""The prior step: BasicVSR++ at equal resolution, which makes of an estimate a clip that looks like one.

Source: K. C. K. Chan et al., "BasicVSR++", 2022, in the form that DAVSR takes: frames keep their size, features have
a quarter of it.

Conventions: clips (B, T, 3, H, W), T of at least two, H and W multiples of four, RGB in [0, 1] (the flow network
expects this range). Inside, time comes first.

Deviation: where a clip is the mirror of itself in time, the release takes flows from one half for the other; they are
the same, and here they are always computed.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.davsr.propagation import Propagation
from harness.networks.layers.sequences import per_map


class Prior(nn.Module):
    """Features, four walks through time, and what is added to the estimate.

    Args:
        features: a frame to its features, (B, 3, H, W) to (B, C, H / 4, W / 4).
        flow: two batches of frames (B, 3, h, w) to the flows from the first to the second.
        propagations: in turn backwards and forwards in time; each one knows the features of those before.
        fuse: features of a frame and of all walks, concatenated, (B, C', h, w) to (B, C, h, w).
        tail: features to what is added to the frame, (B, 3, H, W).
    """

    def __init__(
        self,
        *,
        features: nn.Module,
        flow: nn.Module,
        propagations: Sequence[Propagation],
        fuse: nn.Module,
        tail: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.flow = flow
        self.propagations = nn.ModuleList(propagations)
        self.fuse = fuse
        self.tail = tail

    def forward(self, clip: Tensor) -> Tensor:
        """(B, T, 3, H, W) to the same shape."""
        frames = clip.transpose(0, 1)
        to_next, to_previous = self._flows(frames)
        known = [per_map(self.features, frames)]
        for index, propagation in enumerate(self.propagations):
            if index % 2:
                walk = propagation(known, to_previous)
            else:  # backwards: the reversed sequence, and back
                walk = propagation([maps.flip(0) for maps in known], to_next.flip(0)).flip(0)
            known.append(walk)
        fused = per_map(self.fuse, torch.cat(known, dim=2))
        return clip + per_map(self.tail, fused, grows=16).transpose(0, 1)

    def _flows(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """From each frame to the next, and from each to the one before: (T-1, B, 2, h, w), at the features' size."""
        maps = frames.flatten(0, 1)
        small = F.interpolate(maps, scale_factor=0.25, mode="bicubic", align_corners=False)
        earlier, later = small[: -frames.shape[1]], small[frames.shape[1] :]
        flows = self.flow(torch.cat((earlier, later)), torch.cat((later, earlier)))
        to_next, to_previous = flows.unflatten(0, (2, -1, frames.shape[1]))
        return to_next, to_previous
