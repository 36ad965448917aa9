"""The doors: clip in, clip out.

Every method, whatever it is inside, runs through `Upscaler`: input frames `(T, 3, h, w)` and a rate in,
`((T - 1) * rate + 1, 3, s*h, s*w)` out; RGB, float, [0, 1]; not clamped and not rounded (the protocol rounds,
once, at the end). What is particular to a network (its range, colour order, padding multiple, mean shift, time
encoding) lives in its upscaler. Optical flow is a step of its own, so that speed can be told with and without it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from harness.upscalers.options import StageOptions, UpscalerOptions

Flows = tuple[Tensor, Tensor]
"""(flow_0_to_1, flow_1_to_0) of all neighbouring input frames, each (T-1, 2, h, w), dx before dy, in pixels."""

LrWindow = tuple[Tensor, Sequence[int]]
"""A window of a clip: its input frames (N, 3, h, w), and their indices in the clip."""


class Upscaler(nn.Module, ABC):
    """A method at work on one window.

    Args:
        options: the method's typed options.
        scale: spatial factor s.
    """

    def __init__(self, options: UpscalerOptions | None = None, *, scale: int = 4) -> None:
        super().__init__()
        self.options = options or UpscalerOptions()
        self.scale = scale

    @property
    def component_versions(self) -> dict[str, str]:
        """What else decides the numbers, by name: an optical flow, say. Part of every record's key."""
        return {}

    def check_rate(self, rate: int) -> None:
        """Raise UsageError for a rate that the method does not know. By default it knows all."""
        del rate

    def flows(self, lr_clip: Tensor) -> Flows | None:
        """Optical flow between neighbouring input frames, for the methods that want it."""
        del lr_clip
        return None

    @abstractmethod
    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """`(T, 3, h, w)` to `((T - 1) * rate + 1, 3, s*h, s*w)`, given the flows of `self.flows`."""

    def forward(self, lr_clip: Tensor, rate: int) -> Tensor:
        """Flow, then upscale: the whole method."""
        return self.upscale(lr_clip, rate, flows=self.flows(lr_clip))

    @property
    def trained(self) -> nn.Module:
        """The module whose state a file of weights holds."""
        return self

    def stages(self, lr_clip: Tensor, rate: int) -> dict[str, Callable[[], Tensor]]:
        """Parts of the work on one window that can be timed by themselves, by name; what each needs is made here."""
        del lr_clip, rate
        return {}

    def upscale_windows(self, windows: Iterable[LrWindow], rate: int) -> Iterator[Tensor]:
        """The windows of one clip in order, each to its HR frames ((N - 1) * rate + 1, 3, s*h, s*w).

        Override it to reuse what windows have in common, or to look ahead: windows are read as they are needed.
        """
        for lr_window, _ in windows:
            yield self(lr_window, rate)


class Interpolator(nn.Module, ABC):
    """A frame interpolator: `(T, 3, h, w)` to `((T - 1) * rate + 1, 3, h, w)`, given frames kept as they are."""

    def __init__(self, options: StageOptions | None = None) -> None:
        super().__init__()
        self.options = options or StageOptions()

    @property
    def component_versions(self) -> dict[str, str]:
        """What else decides the numbers, by name: an optical flow, say. Part of every record's key."""
        return {}

    @property
    def trained(self) -> nn.Module:
        """The module whose state a file of weights holds."""
        return self

    def check_rate(self, rate: int) -> None:
        """Raise UsageError for a rate that the interpolator does not know. By default it knows all."""
        del rate

    def flows(self, clip: Tensor) -> Flows | None:
        """Optical flow between neighbouring frames, for the interpolators that want it."""
        del clip
        return None

    @abstractmethod
    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        """Insert `rate - 1` frames at t = k / rate between every two neighbours."""


class SuperResolver(nn.Module, ABC):
    """A super-resolver: `(T, 3, h, w)` to `(T, 3, s*h, s*w)`."""

    def __init__(self, options: StageOptions | None = None, *, scale: int = 4) -> None:
        super().__init__()
        self.options = options or StageOptions()
        self.scale = scale

    @property
    def component_versions(self) -> dict[str, str]:
        """What else decides the numbers, by name: an optical flow, say. Part of every record's key."""
        return {}

    @property
    def trained(self) -> nn.Module:
        """The module whose state a file of weights holds."""
        return self

    @abstractmethod
    def super_resolve(self, clip: Tensor) -> Tensor:
        """Every frame, larger by the scale: the frames of a whole clip at once."""

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """The frames (3, h, w) of a clip in order to those (3, s*h, s*w), in memory that does not grow with the clip.

        By default each frame by itself. One that sees neighbours overrides it, and reads ahead as far as it looks.
        """
        for frame in frames:
            yield self.super_resolve(frame.unsqueeze(0)).squeeze(0)


class StreamingSuperResolver(SuperResolver):
    """A super-resolver that takes a clip as a stream: a whole clip is one, too."""

    def super_resolve(self, clip: Tensor) -> Tensor:
        return torch.stack(list(self.stream(clip)))

    @abstractmethod
    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """See `SuperResolver`."""
