"""TTVSR: a clip walked through twice, each frame attending to where its parts were in earlier key frames.

Source: C. Liu, H. Yang, J. Fu, X. Qian, "Learning Trajectory-Aware Transformer for Video Super-Resolution", 2022, and
the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1], nothing is clamped; h and w are multiples of 4. Sequences are (T, B, C, h, w).
Flows (T - 1, B, 2, h, w) go from each frame to the one that a walk has visited before it, in pixels, dx before dy.
Nothing waits for the device.

A walk is a recurrence over frames; everything else is computed for many frames at once.

Deviation: the release takes no sides of fewer than 64 pixels. Where the second half of a clip mirrors the first it
computes flows once; here always twice, with the same result.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.sequences import per_map
from harness.networks.ttvsr.trajectories import CELL, Keys, Trajectories, TrajectoryAttention
from harness.ops.channels import cat_channels
from harness.ops.warp import warp

SCALE = 4


class Walk(nn.Module):
    """Features carried from frame to frame; the same weights for either direction of time.

    Args:
        follow: the trajectories of a frame's cells.
        attend: along them.
        blocks: a frame's features and what the walk brings, (B, 2C, h, w), to (B, C, h, w).
        key_stride: every so many frames, from the first on, one is a key.
    """

    def __init__(
        self, *, follow: Trajectories, attend: TrajectoryAttention, blocks: nn.Module, key_stride: int
    ) -> None:
        super().__init__()
        self.follow = follow
        self.attend = attend
        self.blocks = blocks
        self.key_stride = key_stride

    def forward(self, features: Sequence[Tensor], flows: Sequence[Tensor]) -> Iterator[Tensor]:
        """What the walk makes of every frame, (B, C, h, w) each, one after the other.

        Args:
            features: of the frames in the order of the walk, (B, C, h, w) each.
            flows: from each frame but the first to the one before it, (B, 2, h, w) each.
        """
        keys = Keys(features[0], room=-(-len(features) // self.key_stride))
        carried = torch.zeros_like(features[0])
        for step, (frame, flow) in enumerate(zip(features, (None, *flows), strict=True)):
            if flow is not None:
                keys.cells = self.follow(keys.cells, flow)
                carried = self.attend(warp(carried, flow), frame, keys)
            carried = self.blocks(cat_channels((frame, carried)))
            yield carried
            if step % self.key_stride == 0:
                keys.add(frame, carried)


class TTVSR(nn.Module):
    """Frames to frames, four times larger.

    Args:
        flow: two batches of frames to the flows from the first to the second.
        features: a frame to its features, (B, 3, h, w) to (B, C, h, w).
        walk: through the clip, backwards and forwards.
        fuse: what the walk backwards made, features, what the walk forwards made, (B, 3C, h, w), to (B, C, h, w).
        tail: features to what is added to the enlarged frame, (B, 3, 4h, 4w).
    """

    def __init__(self, *, flow: nn.Module, features: nn.Module, walk: Walk, fuse: nn.Module, tail: nn.Module) -> None:
        super().__init__()
        self.flow = flow
        self.features = features
        self.walk = walk
        self.fuse = fuse
        self.tail = tail

    def forward(self, frames: Tensor) -> Tensor:
        """Upscale a clip.

        Args:
            frames: (B, T, 3, h, w), RGB in [0, 1].

        Returns:
            (B, T, 3, 4h, 4w), not clamped.

        Raises:
            DataError: sides that are no multiples of 4.
        """
        height, width = frames.shape[-2:]
        if height % CELL or width % CELL:
            raise DataError(
                f"TTVSR takes frames of multiples of {CELL} pixels.",
                found=f"{width}x{height}",
                todo="pad the frames, as its upscaler does",
            )
        clip = frames.transpose(0, 1)
        to_next, to_previous = self.flows(clip)
        features = per_map(self.features, clip).unbind()
        backwards = list(self.walk(features[::-1], to_next.unbind()[::-1]))
        forwards = self.walk(features, to_previous.unbind())
        parts = zip(clip, backwards[::-1], features, forwards, strict=True)
        return torch.stack([self.picture(*part) for part in parts], dim=1)

    def flows(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """From every frame to the next one, and from that back, (T - 1, B, 2, h, w) each."""
        here, there = clip[:-1], clip[1:]
        return per_map(self.flow, here, there), per_map(self.flow, there, here)

    def picture(self, frame: Tensor, backwards: Tensor, features: Tensor, forwards: Tensor) -> Tensor:
        """A frame (B, 3, h, w), and what both walks and itself say of it, (B, C, h, w), to (B, 3, 4h, 4w)."""
        residual: Tensor = self.tail(self.fuse(cat_channels((backwards, features, forwards))))
        return residual + F.interpolate(frame, scale_factor=SCALE, mode="bilinear", align_corners=False)
