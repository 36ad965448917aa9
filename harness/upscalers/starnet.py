"""STARnet as a method: pairs of frames in ImageNet's units, their flows clipped and scaled, one new frame in a pair.

A clip goes pair by pair. The frame that two pairs share is made by both of them and taken from the earlier one, as
the protocols take frames that two windows share. Sides of less than 32 pixels, which the flow refinement cannot
take, are padded at the right and at the bottom by their last row and column; the result is cropped.

Deviation: to come back from ImageNet's units the authors divide by 4.367, 4.464 and 4.444 after adding 2.118, 2.036
and 1.804; these are rounded, and here they are not. The difference is less than a tenth of a grey level.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.flow import get_flow
from harness.networks.layers.imagenet import ImageNetUnits
from harness.networks.starnet.build import SCALE, build_starnet
from harness.networks.starnet.flow_refinement import LEAST_SIZE
from harness.networks.starnet.network import STARnet
from harness.networks.supervised import Supervised
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.limits import only_rate_2, only_scale
from harness.upscalers.options import STARnetMethodOptions
from harness.upscalers.padding import at_least

LONGEST_FLOW = 150.0
"""Pixels; longer flows are clipped, and flows reach the network in units of minus this."""


class STARnetUpscaler(Upscaler):
    """The network between [0, 1] frames.

    Args:
        options: the network's, and where its flow comes from.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: STARnetMethodOptions | None = None, *, scale: int = SCALE) -> None:
        options = options or STARnetMethodOptions()
        super().__init__(options, scale=scale)
        only_scale("STARnet", known=SCALE, scale=scale)
        self.network: STARnet = build_starnet(options)
        self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.estimate = get_flow(options.flow_estimator)
        self.units = ImageNetUnits()

    @property
    def component_versions(self) -> dict[str, str]:
        return {f"flow:{self.estimate.name}": self.estimate.identity}

    @property
    def trained(self) -> nn.Module:
        return self.network

    def check_rate(self, rate: int) -> None:
        only_rate_2("STARnet", rate)

    def normalise(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units, (..., 3, H, W)."""
        return self.units.normalise(frames)

    def flows(self, lr_clip: Tensor) -> Flows:
        """Both directions between all neighbours, in pixels."""
        flow_0_to_1, flow_1_to_0 = self.estimate.along(lr_clip.unsqueeze(0))
        return flow_0_to_1.squeeze(0), flow_1_to_0.squeeze(0)

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        self.check_rate(rate)
        there, back = flows or self.flows(lr_clip)
        (made,) = self._each_pair(lambda *pair: (self.network(*pair),), lr_clip.unsqueeze(0), (there, back))
        return self.units.denormalise(in_order(made).squeeze(0))

    def supervised(self, lr_clips: Tensor, *, rate: int = 2) -> Supervised:
        """For training: clips (B, N, 3, h, w) in [0, 1] to frames and first estimates, in the network's units.

        Flows are computed here, without gradient. The LR pictures of the middle frames stay behind, as in the loss
        of the authors' STAR-ST.
        """
        self.check_rate(rate)
        with torch.no_grad():
            there, back = (flow.flatten(0, 1) for flow in self.estimate.along(lr_clips))
        pictures = self._each_pair(self._estimates, lr_clips, (there, back))
        frames, first = map(in_order, pictures)
        return Supervised(frames=frames, phase_1={"hr": first})

    def _estimates(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> tuple[Tensor, ...]:
        made = self.network.supervised(frames, flow_0_to_1, flow_1_to_0)
        return made.frames, made.first_frames

    def _each_pair(self, run: Callable[..., tuple[Tensor, ...]], clips: Tensor, flows: Flows) -> list[Tensor]:
        """Pictures of all pairs of clips (B, N, 3, h, w) in [0, 1], each (B, N-1, 3, 3, 4h, 4w).

        Args:
            run: frames (P, 2, 3, h, w) and flows, both in the network's units, to pictures (P, 3, 3, 4h, 4w).
            clips: B of N frames.
            flows: of their pairs, (B (N-1), 2, h, w) each, in pixels.
        """
        height, width = clips.shape[-2:]
        frames = self.normalise(clips)
        pairs = torch.stack((frames[:, :-1], frames[:, 1:]), dim=2).flatten(0, 1)
        scaled = (flow.clamp(-LONGEST_FLOW, LONGEST_FLOW) / -LONGEST_FLOW for flow in flows)
        padded = [
            at_least(maps.flatten(0, -4), LEAST_SIZE).unflatten(0, maps.shape[:-3]) for maps in (pairs, *scaled)
        ]
        few = 1 if clips.device.type == "cpu" else len(pairs)  # on a CPU a pair at a time needs less memory
        parts = [run(*part) for part in zip(*(maps.split(few) for maps in padded), strict=True)]
        whole = [torch.cat(pictures) for pictures in zip(*parts, strict=True)]
        return [
            pictures[..., : self.scale * height, : self.scale * width].unflatten(0, (len(clips), -1))
            for pictures in whole
        ]


def in_order(pairs: Tensor) -> Tensor:
    """Frames (B, P, 3, ...), first, middle and last of every pair, in the order of time: (B, 2P + 1, ...)."""
    return torch.cat((pairs[:, 0, :1], pairs[:, :, 1:].flatten(1, 2)), dim=1)
