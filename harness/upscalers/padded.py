"""What the upscalers of networks that descend from EDVR have in common: RGB in [0, 1] as it is, and sizes that are
made multiples of something.

Frames are padded with zeros at the right and at the bottom, as the authors' test programs do it, and the result is
cropped. Flows, where a variant wants any, are padded alike: nothing moves outside of the frame.

Windows are independent. What two of them share is the features of one frame, less than 1 % of the work.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.networks.supervised import Supervised
from harness.ops.precision import at_least_float32
from harness.upscalers.base import Flows, Upscaler


class PaddedUpscaler(Upscaler):
    """A network between frames in [0, 1], at sizes that it can take."""

    multiple: ClassVar[int] = 4
    """Of which height and width of the network's input are."""

    @abstractmethod
    def run(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        """The network: clips (B, N, 3, h, w) and flows (B, N-1, 2, h, w) to (B, (N-1) * rate + 1, 3, s*h, s*w)."""

    def flows_of(self, lr_clips: Tensor) -> Flows | None:
        """Flows of a batch of clips (B, N, 3, h, w), for the variants that want any."""
        del lr_clips
        return None

    def flows(self, lr_clip: Tensor) -> Flows | None:
        """See `Upscaler`."""
        flows = self.flows_of(lr_clip.unsqueeze(0))
        return None if flows is None else (flows[0].squeeze(0), flows[1].squeeze(0))

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """See `Upscaler`."""
        batched = None if flows is None else (flows[0].unsqueeze(0), flows[1].unsqueeze(0))
        return self._frames(lr_clip.unsqueeze(0), rate, batched).squeeze(0)

    def normalise(self, frames: Tensor) -> Tensor:
        """The network's units are [0, 1]."""
        return frames

    def supervised(self, lr_clips: Tensor, *, rate: int = 2) -> Supervised:
        """For training: clips (B, N, 3, h, w) in [0, 1] to frames. Flows are computed here, without gradient."""
        with torch.no_grad():
            flows = self.flows_of(lr_clips)
        return Supervised(frames=self._frames(lr_clips, rate, flows), phase_1={})

    def _frames(self, lr_clips: Tensor, rate: int, flows: Flows | None) -> Tensor:
        self.check_rate(rate)
        height, width = lr_clips.shape[-2:]
        room = (0, -width % self.multiple, 0, -height % self.multiple)
        if any(room):
            lr_clips = F.pad(lr_clips, room)
            flows = None if flows is None else (F.pad(flows[0], room), F.pad(flows[1], room))
        upscaled = self.run(lr_clips, rate, flows)[..., : self.scale * height, : self.scale * width]
        return at_least_float32(upscaled)
