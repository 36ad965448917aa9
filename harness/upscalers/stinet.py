"""STINet as an upscaler: ImageNet's normalisation, flow between the input frames, any length in one window.

A first version: it offers what training needs.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

import torch
from pydantic import ConfigDict, Field
from torch import Tensor

from harness.cards.library import validate
from harness.flow.farneback import Farneback
from harness.flow.grey import GreyOrder
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.options import STINetOptions
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.options import UpscalerOptions

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class STINetUpscalerOptions(UpscalerOptions):
    """The options of the flow; those of the network are checked when it is built."""

    model_config = ConfigDict(frozen=True, extra="allow")

    flow_estimator: Literal["farneback"] = "farneback"
    flow_grey: GreyOrder = Field(default="rgb", description="release: red and blue exchanged")


class Supervised(NamedTuple):
    """What the losses see, in the network's units.

    Args:
        frames: (B, T, 3, 4h, 4w).
        phase_1: "lr" (B, T, 3, h, w) and "hr" (B, T, 3, 4h, 4w).
    """

    frames: Tensor
    phase_1: Mapping[str, Tensor]


class STINetUpscaler(Upscaler):
    """The network with its flows."""

    def __init__(self, options: STINetUpscalerOptions | None = None, *, scale: int = 4) -> None:
        options = options or STINetUpscalerOptions()
        super().__init__(options, scale=scale)
        given = options.model_extra or {}
        own = {name: given[name] for name in STINetOptions.model_fields if name in given}
        self.network = build_stinet(validate(STINetOptions, own, origin="STINet's options"))
        self._flow = Farneback(grey=options.flow_grey)

    def flows(self, lr_clip: Tensor) -> Flows:
        """Farneback's flow between the input frames, on the device."""
        return self._flow(lr_clip[:-1], lr_clip[1:]), self._flow(lr_clip[1:], lr_clip[:-1])

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """See Upscaler."""
        forward, backward = flows or self.flows(lr_clip)
        frames = self.normalise(lr_clip).unsqueeze(0)
        out: Tensor = self.network(frames, forward.unsqueeze(0), backward.unsqueeze(0), times=_times(rate))
        mean, deviation = _moments(out)
        return out[0] * deviation + mean

    def normalise(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units."""
        mean, deviation = _moments(frames)
        return (frames - mean) / deviation

    def supervised(self, lr_clips: Tensor, *, rate: int = 2) -> Supervised:
        """LR clips (B, N, 3, h, w) in [0, 1] to what is supervised."""
        pairs = (len(lr_clips), lr_clips.shape[1] - 1)
        with torch.no_grad():
            earlier, later = lr_clips[:, :-1].flatten(0, 1), lr_clips[:, 1:].flatten(0, 1)
            forward, backward = self._flow(earlier, later), self._flow(later, earlier)
        out = self.network.supervised(
            self.normalise(lr_clips), forward.unflatten(0, pairs), backward.unflatten(0, pairs), times=_times(rate)
        )
        return Supervised(out.frames, {"lr": out.phase_1.lr, "hr": out.phase_1.hr})


def _times(rate: int) -> list[float]:
    return [k / rate for k in range(1, rate)]


def _moments(like: Tensor) -> tuple[Tensor, Tensor]:
    return _kept_moments(like.dtype, like.device)


@lru_cache(maxsize=8)
def _kept_moments(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(False):
        mean, deviation = (torch.tensor(x, dtype=dtype, device=device).view(3, 1, 1) for x in (_MEAN, _DEVIATION))
        return mean, deviation
