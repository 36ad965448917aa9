"""VideoINR as a method: RGB in [0, 1] as it is, any scale, sizes that are multiples of four, times k / rate.

The network takes two frames: a window is upscaled pair by pair, and each given frame is made from the pair that it
begins, the last one from the last pair.
"""

import torch
from torch import Tensor, nn

from harness.networks.layers.sequences import on_device
from harness.networks.videoinr.build import build_videoinr
from harness.networks.videoinr.decoder import Known
from harness.networks.videoinr.network import PICTURE_SCALE
from harness.networks.zooming_slow_mo.network import check_frames
from harness.upscalers.base import Flows
from harness.upscalers.interpolation import moments
from harness.upscalers.options import VideoINRMethodOptions
from harness.upscalers.padded import PaddedUpscaler


class VideoINRUpscaler(PaddedUpscaler):
    """The network between padded frames.

    Args:
        options: the network's.
        scale: any.
    """

    def __init__(self, options: VideoINRMethodOptions | None = None, *, scale: int = 4) -> None:
        options = options or VideoINRMethodOptions()
        super().__init__(options, scale=scale)
        self.network = build_videoinr(options)

    @property
    def trained(self) -> nn.Module:
        return self.network

    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        """All pairs are encoded as one batch; while it trains, as in the release, pictures are not enlarged."""
        del flows
        check_frames(lr_clips, network="VideoINR")
        batch, given, _, height, width = lr_clips.shape
        pairs = torch.stack((lr_clips[:, :-1], lr_clips[:, 1:]), dim=2).flatten(0, 1)
        known = self.network.know(pairs, picture_scale=1 if self.network.training else PICTURE_SCALE)
        last = Known(*(each[given - 2 :: given - 1] for each in known))
        size = (self.scale * height, self.scale * width)
        start, end = (on_device(times, lr_clips.device) for times in ((0.0, *moments(rate)), (1.0,)))
        frames = self.network.frames(known, start.expand(len(pairs), -1), size)
        closing = self.network.frames(last, end.expand(batch, -1), size)
        return torch.cat((frames.unflatten(0, (batch, -1)).flatten(1, 2), closing), dim=1)
