"""STINet as a method: ImageNet's normalisation, the flows of the LR frames, and what windows have in common."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from harness.flow import get_flow
from harness.networks.layers.imagenet import ImageNetUnits
from harness.networks.layers.sequences import in_order
from harness.networks.stinet.build import SCALE, build_stinet
from harness.networks.stinet.network import STINet
from harness.networks.stinet.sides import Sides
from harness.networks.supervised import Supervised
from harness.upscalers.base import Flows, LrWindow, Upscaler
from harness.upscalers.interpolation import moments
from harness.upscalers.limits import only_scale
from harness.upscalers.options import STINetMethodOptions


class STINetUpscaler(Upscaler):
    """The network between [0, 1] frames.

    Args:
        options: the network's, and where its flow comes from.
        scale: 4; the network knows no other.
    """

    def __init__(self, options: STINetMethodOptions | None = None, *, scale: int = 4) -> None:
        options = options or STINetMethodOptions()
        super().__init__(options, scale=scale)
        only_scale("STINet", known=SCALE, scale=scale)
        self.network: STINet = build_stinet(options)
        self.has_flow = options.flow != "none"
        self.estimate = get_flow(options.flow_estimator, **options.flow_settings)
        self.units = ImageNetUnits()

    @property
    def component_versions(self) -> dict[str, str]:
        return {f"flow:{self.estimate.name}": self.estimate.identity} if self.has_flow else {}

    @property
    def trained(self) -> nn.Module:
        return self.network

    def normalise(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units, (..., 3, H, W)."""
        return self.units.normalise(frames)

    def denormalise(self, frames: Tensor) -> Tensor:
        """The network's units to [0, 1], not clamped."""
        return self.units.denormalise(frames)

    def flows(self, lr_clip: Tensor) -> Flows | None:
        """Both directions between all neighbours; none for the variant without a motion feature."""
        if not self.has_flow:
            return None
        flow_0_to_1, flow_1_to_0 = self.estimate.along(lr_clip.unsqueeze(0))
        return flow_0_to_1.squeeze(0), flow_1_to_0.squeeze(0)

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        flow_0_to_1, flow_1_to_0 = flows or no_flows(lr_clip)
        frames = self.network(
            self.normalise(lr_clip).unsqueeze(0),
            flow_0_to_1.unsqueeze(0),
            flow_1_to_0.unsqueeze(0),
            times=moments(rate),
        )
        return self.denormalise(frames.squeeze(0))

    def supervised(self, lr_clips: Tensor, *, rate: int = 2) -> Supervised:
        """For training: clips (B, N, 3, h, w) in [0, 1] to frames and pictures of phase 1, in the network's units.

        Flows are computed here, without gradient.
        """
        with torch.no_grad():
            flows = self.estimate.along(lr_clips) if self.has_flow else no_flows(lr_clips)
        return self.network.supervised(self.normalise(lr_clips), *flows, times=moments(rate))

    def upscale_windows(self, windows: Iterable[LrWindow], rate: int) -> Iterator[Tensor]:
        """See `Upscaler`; features of shared frames are made once."""
        clip = _STINetClip(self, rate)
        for lr_window, inputs in windows:
            yield clip(lr_window, inputs)


def no_flows(clip: Tensor) -> Flows:
    """Flows of the right shape for a network that does not look at them: (..., T, 3, h, w) to (..., T-1, 2, h, w)."""
    nothing = clip[..., :-1, :2, :, :]
    return nothing, nothing


class _STINetClip:
    """The windows of one clip in order: what depends on one frame, or on one pair, is made once.

    Frames and pairs go through one by one here, so that a frame that was met before has the very same bits as one
    that is new, whatever the device does with batches of other sizes. What the last window did not have is
    forgotten: memory does not grow with the clip.
    """

    def __init__(self, upscaler: STINetUpscaler, rate: int) -> None:
        self.upscaler = upscaler
        self.times = moments(rate)
        self.frames: dict[int, Sides] = {}
        self.pairs: dict[tuple[int, int], Sides] = {}

    def __call__(self, lr_window: Tensor, inputs: Sequence[int]) -> Tensor:
        """(N, 3, h, w) and the frames' indices to the HR frames."""
        normalised = self.upscaler.normalise(lr_window).unsqueeze(1)  # time first, a batch of one clip
        frames = dict(zip(inputs, normalised.split(1), strict=True))
        self.frames = {index: self.frames.get(index) or self._given(frame) for index, frame in frames.items()}
        if self.times:
            pairs = dict(zip(pairwise(inputs), pairwise(lr_window), strict=True))
            self.pairs = {pair: self.pairs.get(pair) or self._between(pair, *ends) for pair, ends in pairs.items()}
        network = self.upscaler.network
        upscaled = network.finish(self._in_order(), normalised.transpose(0, 1), times=self.times)
        return self.upscaler.denormalise(upscaled.squeeze(0))

    def _given(self, frame: Tensor) -> Sides:
        """Features (1, 1, C, ...) of a normalised frame (1, 1, 3, h, w)."""
        return self.upscaler.network.initialisation(frame)  # type: ignore[no-any-return]

    def _between(self, pair: tuple[int, int], first: Tensor, second: Tensor) -> Sides:
        """Features (K, 1, C, ...) of the new frames between two neighbours (3, h, w)."""
        clip = torch.stack((first, second))
        flow_0_to_1, flow_1_to_0 = self.upscaler.flows(clip) or no_flows(clip)
        ends = [self.frames[index] for index in pair]
        between = self.upscaler.network.interpolation.between(
            {side: in_order([end[side] for end in ends]) for side in ends[0]},
            flow_0_to_1.unsqueeze(1),
            flow_1_to_0.unsqueeze(1),
            times=self.times,
        )
        return {side: maps.squeeze(0) for side, maps in between.items()}

    def _in_order(self) -> Sides:
        """The features of all frames of the window."""
        indices = list(self.frames)
        steps = [self.frames[indices[0]]]
        for pair in pairwise(indices):
            steps += [*([self.pairs[pair]] if self.times else []), self.frames[pair[1]]]
        return {side: in_order([step[side] for step in steps]) for side in steps[0]}
