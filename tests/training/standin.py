"""A network of two convolutions behind the door of training; also a plug-in, for tests that need a process.

STANDIN=kill:5 (or interrupt:5, nan:5, memory:5) makes something happen in the fifth step of this process; with slow:5
all steps from the fifth on take half a second, and with hold:FILE the third waits for as long as there is that file.
"""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.options import UpscalerOptions
from harness.upscalers.registry import register


class Supervised(NamedTuple):
    frames: Tensor
    phase_1: Mapping[str, Tensor]


class Standin(Upscaler):
    """Frames in between are blended; bicubic-like enlargement plus a learned residual."""

    def __init__(self, options: UpscalerOptions | None = None, *, scale: int = 4) -> None:
        super().__init__(options, scale=scale)
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 3 * scale**2, 3, padding=1)
        self.steps = 0

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        del flows
        return self._frames(self.normalise(lr_clip).unsqueeze(0), rate)[0] * 0.25 + 0.5

    def normalise(self, frames: Tensor) -> Tensor:
        return (frames - 0.5) / 0.25

    def supervised(self, lr_clips: Tensor, *, rate: int = 2) -> Supervised:
        frames = self._frames(self.normalise(lr_clips), rate)
        if self.training:
            self.steps += 1
            frames = frames * self._event()
        lr = F.avg_pool2d(frames.flatten(0, 1), self.scale).unflatten(0, frames.shape[:2])
        return Supervised(frames, {"lr": lr})

    def _frames(self, given: Tensor, rate: int) -> Tensor:
        between = [torch.lerp(given[:, :-1], given[:, 1:], k / rate) for k in range(rate)]
        every = torch.cat((torch.stack(between, dim=2).flatten(1, 2), given[:, -1:]), dim=1)
        flat = every.flatten(0, 1)
        large = F.interpolate(flat, scale_factor=self.scale, mode="nearest")
        large = large + F.pixel_shuffle(self.second(torch.relu(self.first(flat))), self.scale)
        frames: Tensor = large.unflatten(0, every.shape[:2])
        return frames

    def _event(self) -> float:
        kind, _, step = os.environ.get("STANDIN", "none:0").partition(":")
        if kind == "hold":
            while self.steps == 3 and Path(step).exists():
                time.sleep(0.05)
            return 1.0
        if kind == "slow" and self.steps >= int(step):
            time.sleep(0.5)
        if self.steps != int(step):
            return 1.0
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "interrupt":
            signal.raise_signal(signal.SIGINT)
        elif kind == "memory":
            raise torch.OutOfMemoryError("tried to allocate much")
        return float("nan") if kind == "nan" else 1.0


if __name__.startswith("harness_plugin_"):
    register("standin", learned=True)(Standin)
