"""STARnet: features of both given frames and of the one between them, at both sizes, correct each other.

Source: M. Haris, G. Shakhnarovich, N. Ukita, "Space-Time-Aware Multi-Resolution Video Enhancement", 2020, and the
behaviour of its release where the text is silent. H are HR features (B, C, 4h, 4w), L are LR features (B, 2C, h, w),
of the given frames 0 and 1 and of the frame t half-way; M is the motion feature (B, C, h, w).

Conventions: two frames, RGB in ImageNet's units. Flows are in units of -150 LR pixels, dx before dy: the upscaler
clips and scales. h and w of at least 32, where flows are refined; else any size. Clips of a batch do not see each
other in evaluation (in training batch normalisation does that).

Both directions of everything that has one set of weights are one batch. The whole is one straight-line program:
nothing waits for the device, torch.compile makes one graph of it. The LR picture and the first estimates, which only
training looks at, are made in `supervised` alone.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.rbpn import RBPN
from harness.networks.starnet.features import Features, corrected
from harness.networks.starnet.flow_refinement import LEAST_SIZE, FlowRefinement
from harness.networks.starnet.interpolation import Interpolation
from harness.networks.starnet.refinement import Refinement


class Pictures(NamedTuple):
    """What the losses compare with the ground truth, in ImageNet's units.

    Args:
        frames: the result, (B, 3, 3, 4h, 4w).
        middle_lr: the frame between at LR size, (B, 3, h, w).
        first_frames: the estimates before the refinement, (B, 3, 3, 4h, 4w).
        first_middle_lr: the same at LR size, (B, 3, h, w).
    """

    frames: Tensor
    middle_lr: Tensor
    first_frames: Tensor
    first_middle_lr: Tensor


class STARnet(nn.Module):
    """Two frames and their flows to three frames, four times larger.

    Args:
        flow_refinement: (frames, other frames, flows between them) to refined flows.
        super_resolution: Net_S, RBPN with one neighbour.
        motion: Net_M, both flows (B, 4, h, w) to M.
        reduce: Net_D, H to L, in both stages.
        interpolation: the rest of stage 1.
        refinement: stage 2.
        hr_head: stage 3, H to the frame.
        lr_head: L to the LR frame.
    """

    def __init__(
        self,
        *,
        flow_refinement: nn.Module,
        super_resolution: RBPN,
        motion: nn.Module,
        reduce: nn.Module,
        interpolation: Interpolation,
        refinement: Refinement,
        hr_head: nn.Module,
        lr_head: nn.Module,
    ) -> None:
        super().__init__()
        self.flow_refinement = flow_refinement
        self.super_resolution = super_resolution
        self.motion = motion
        self.reduce = reduce
        self.interpolation = interpolation
        self.refinement = refinement
        self.hr_head = hr_head
        self.lr_head = lr_head

    def forward(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, 2, 3, h, w), normalised.
            flow_0_to_1: (B, 2, h, w), in units of -150 LR pixels.
            flow_1_to_0: the same, back.

        Returns:
            (B, 3, 3, 4h, 4w), normalised, not clamped, in the order of time.

        Raises:
            DataError: frames and flows do not fit together, or are too small.
        """
        initial, half_motion = self.initialise(frames, flow_0_to_1, flow_1_to_0)
        refined, _ = self.refinement(initial, half_motion, self.reduce)
        return self.reconstruct(refined)

    def supervised(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> Pictures:
        """As `forward`, with the other pictures beside the frames."""
        initial, half_motion = self.initialise(frames, flow_0_to_1, flow_1_to_0)
        refined, last = self.refinement(initial, half_motion, self.reduce)
        first_0, first_1 = (self.super_resolution.head(maps) for maps in (initial.hr_0, initial.hr_1))
        return Pictures(
            frames=self.reconstruct(refined),
            middle_lr=self.lr_head(corrected(refined.lr_t, self.reduce(last))),
            first_frames=torch.stack((first_0, self.hr_head(initial.hr_t), first_1), dim=1),
            first_middle_lr=self.lr_head(initial.lr_t),
        )

    def initialise(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> tuple[Features, Tensor]:
        """Stage 1: all features, and the motion feature of half the way."""
        self._check(frames, flow_0_to_1, flow_1_to_0)
        first, second = frames.unbind(1)
        here, there = torch.cat((first, second)), torch.cat((second, first))
        flows = self.flow_refinement(here, there, torch.cat((flow_0_to_1, flow_1_to_0)))
        (hr,) = self.super_resolution.features(here, [there], [flows])
        both_ways = torch.cat(flows.chunk(2), dim=1)
        motion, half_motion = self.motion(torch.cat((both_ways, both_ways / 2))).chunk(2)
        return self.interpolation(hr, motion, self.reduce), half_motion

    def reconstruct(self, features: Features) -> Tensor:
        """Stage 3: (B, 3, 3, 4h, 4w), in the order of time."""
        return torch.stack([self.hr_head(maps) for maps in (features.hr_0, features.hr_t, features.hr_1)], dim=1)

    def _check(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> None:
        wanted = (frames.shape[0], 2, *frames.shape[3:]) if frames.ndim == 5 else ()
        if not wanted or frames.shape[1] != 2 or flow_0_to_1.shape != wanted or flow_1_to_0.shape != wanted:
            raise DataError(
                "STARnet takes two frames (B, 2, 3, h, w) and two flows (B, 2, h, w).",
                found=f"{tuple(frames.shape)}, {tuple(flow_0_to_1.shape)} and {tuple(flow_1_to_0.shape)}",
                todo="give it pairs of neighbouring frames, and the flow between them in both directions",
            )
        if isinstance(self.flow_refinement, FlowRefinement) and min(frames.shape[3:]) < LEAST_SIZE:
            raise DataError(
                f"STARnet refines flows of at least {LEAST_SIZE}x{LEAST_SIZE} pixels.",
                found=f"{frames.shape[4]}x{frames.shape[3]}",
                todo="pad the frames, as its upscaler does",
            )
