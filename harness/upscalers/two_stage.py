"""Two-stage space-time super-resolution: any interpolator with any super-resolver. And a stage by itself.

The interpolated frames of a clip are one sequence for the super-resolver, whatever windows the protocol cuts: one
that sees neighbours, or that is recurrent, sees them across windows, and borders are the clip's own. It reads ahead
as far as it looks and keeps no more, so memory does not grow with the clip.

With the super-resolver first each window is by itself: the input frames of a clip's last window need not continue
those before.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from harness.upscalers.base import Flows, Interpolator, LrWindow, SuperResolver, Upscaler
from harness.upscalers.limits import only_rate_1, only_scale
from harness.upscalers.options import TwoStageOptions


class TwoStage(Upscaler):
    """One stage after the other, nothing rounded between them.

    Args:
        interpolator: makes the missing frames.
        super_resolver: makes every frame larger.
        options: window, and which stage comes first. The STINet paper interpolates first.
    """

    def __init__(
        self, interpolator: Interpolator, super_resolver: SuperResolver, *, options: TwoStageOptions | None = None
    ) -> None:
        options = options or TwoStageOptions()
        super().__init__(options, scale=super_resolver.scale)
        self.interpolator = interpolator
        self.super_resolver = super_resolver
        self.interpolation_first = options.order == "interpolation-first"

    def check_rate(self, rate: int) -> None:
        """The interpolator's rates; the super-resolver does not mind."""
        self.interpolator.check_rate(rate)

    def flows(self, lr_clip: Tensor) -> Flows | None:
        """The interpolator's flow on the input frames; none when it works on HR frames that do not exist yet."""
        return self.interpolator.flows(lr_clip) if self.interpolation_first else None

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        if self.interpolation_first:
            return self.super_resolver.super_resolve(self.interpolator.interpolate(lr_clip, rate, flows=flows))
        return self._interpolated(self.super_resolver.super_resolve(lr_clip), rate)

    def stages(self, lr_clip: Tensor, rate: int) -> dict[str, Callable[[], Tensor]]:
        """See `Upscaler`: both stages, each on what it gets from the other. A stage by itself has no parts."""
        if isinstance(self.interpolator, GivenFrames) or isinstance(self.super_resolver, SameSize):
            return {}
        enlarge = self.super_resolver.super_resolve
        if self.interpolation_first:
            lr_frames = self._interpolated(lr_clip, rate)
            return {
                "interpolation": lambda: self._interpolated(lr_clip, rate),
                "super-resolution": lambda: enlarge(lr_frames),
            }
        hr_clip = enlarge(lr_clip)
        return {
            "super-resolution": lambda: enlarge(lr_clip),
            "interpolation": lambda: self._interpolated(hr_clip, rate),
        }

    def _interpolated(self, clip: Tensor, rate: int) -> Tensor:
        return self.interpolator.interpolate(clip, rate, flows=self.interpolator.flows(clip))

    def upscale_windows(self, windows: Iterable[LrWindow], rate: int) -> Iterator[Tensor]:
        """See `Upscaler`; the frames of all windows are one sequence for the super-resolver."""
        if not self.interpolation_first:
            yield from super().upscale_windows(windows, rate)
            return
        clip = _Sequence(self.interpolator, rate)
        hr_frames: dict[int, Tensor] = {}
        for index, hr_frame in enumerate(self.super_resolver.stream(clip.lr_frames(windows))):
            hr_frames[clip.first + index] = hr_frame
            while clip.waiting and clip.waiting[0][-1] in hr_frames:
                outputs = clip.waiting.popleft()
                yield torch.stack([hr_frames[output] for output in outputs])
                # A clip's last window may begin before the end of the one before it, but not before its start.
                hr_frames = {output: frame for output, frame in hr_frames.items() if output >= outputs[0]}


class _Sequence:
    """The interpolated frames of a clip, one after the other, and the windows that still wait for theirs."""

    def __init__(self, interpolator: Interpolator, rate: int) -> None:
        self.interpolator = interpolator
        self.rate = rate
        self.first = 0
        self.waiting: deque[range] = deque()

    def lr_frames(self, windows: Iterable[LrWindow]) -> Iterator[Tensor]:
        """Every frame (3, h, w) once, from the first window that makes it."""
        end: int | None = None
        for lr_window, inputs in windows:
            outputs = range(inputs[0], inputs[-1] + 1)
            if end is None:
                self.first = end = outputs[0]
            self.waiting.append(outputs)
            flows = self.interpolator.flows(lr_window)
            frames = self.interpolator.interpolate(lr_window, self.rate, flows=flows)
            yield from frames[end - outputs[0] :]
            end = max(end, outputs[-1] + 1)


class GivenFrames(Interpolator):
    """In the place of an interpolator where there is nothing between the frames: super-resolution by itself."""

    def check_rate(self, rate: int) -> None:
        only_rate_1(rate)

    def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        del flows
        self.check_rate(rate)
        return clip


class SameSize(SuperResolver):
    """In the place of a super-resolver where frames keep their size: interpolation by itself.

    Args:
        scale: 1.
    """

    def __init__(self, *, scale: int = 1) -> None:
        super().__init__(scale=scale)
        only_scale("Interpolation by itself", known=1, scale=scale)

    def super_resolve(self, clip: Tensor) -> Tensor:
        return clip
