"""Which frames an upscaler is given at once, and which of its outputs are scored.

Sources: the index functions of the evaluation codes of Zooming Slow-Mo (Xiang et al., CVPR 2020), TMNet (Xu et al.,
CVPR 2021) and RSTT (Geng et al., CVPR 2022). A window of N input frames at rate r covers (N - 1) r + 1 consecutive
ground-truth frames; the next one starts at its last frame, so neighbours share one frame, which is scored from the
earlier window. What is left at the clip's end is covered by one more window that ends there, or dropped.

Conventions: indices count ground-truth frames from 0. No torch here.

Deviation: for clips shorter than a window the authors' codes stop with a division by zero or reach for frames of
negative index; here they are refused. TMNet's multi-frame code runs the last window twice when it ends at the clip's
end, and throws the second away; here it runs once.
"""

from dataclasses import dataclass

from harness.cards.protocol import Windows
from harness.errors import DataError, UsageError


@dataclass(frozen=True)
class Window:
    """One call of an upscaler.

    Attributes:
        inputs: the frames that it is given.
        outputs: the frames that it makes, consecutive, inputs included.
        scored: those of `outputs` that count; no frame counts in two windows.
    """

    inputs: tuple[int, ...]
    outputs: range
    scored: tuple[int, ...]


def plan_windows(length: int, *, rate: int, windows: Windows, input_frames: int | None = None) -> tuple[Window, ...]:
    """Cut a clip into windows.

    Args:
        length: ground-truth frames of the clip.
        rate: temporal factor; 1 is super-resolution alone.
        windows: the protocol's rules.
        input_frames: frames per window, where a method needs another number than the protocol's.

    Raises:
        UsageError: rate, window and scored positions do not fit together.
        DataError: the clip is shorter than one window.

    >>> [window.inputs for window in plan_windows(9, rate=2, windows=Windows(input_frames={2: 4}))]
    [(0, 2, 4, 6), (2, 4, 6, 8)]
    """
    inputs = windows.inputs_at(rate) if input_frames is None else input_frames
    span = (inputs - 1) * rate + 1
    positions = windows.positions(span, rate)
    _check_window(inputs, rate, positions)
    if length < span:
        raise _too_short(length, span, rate)
    starts = list(range(0, length - span + 1, max(span - 1, 1)))
    if windows.tail == "append" and starts[-1] + span < length:
        starts.append(length - span)
    planned: list[Window] = []
    seen: set[int] = set()
    for start in starts:
        scored = tuple(start + position for position in positions if start + position not in seen)
        seen.update(scored)
        outputs = range(start, start + span)
        planned.append(Window(tuple(outputs[::rate]), outputs, scored))
    return tuple(planned)


def _check_window(inputs: int, rate: int, scored: tuple[int, ...]) -> None:
    if rate < 1 or inputs < min(rate, 2):
        raise UsageError(
            "A window has at least one input frame, two where frames are interpolated, and the rate is at least 1.",
            found=f"{inputs} input frames at rate {rate}",
            todo=f"for example --set protocol.windows.input_frames.{max(rate, 1)}=2",
        )
    span = (inputs - 1) * rate + 1
    if not scored:
        raise UsageError(
            "The protocol scores the frames between those that are given.",
            found=f"rate {rate}, at which there are none",
            todo="use --rate 2, or another --protocol",
        )
    outside = [position for position in scored if not 0 <= position < span]
    if outside:
        raise UsageError(
            f"The protocol scores position {outside[0]} of a window.",
            found=f"{inputs} input frames at rate {rate} make windows of {span} frames, positions 0 to {span - 1}",
            todo="choose the rate that the protocol was made for, or another protocol.",
        )


def _too_short(length: int, span: int, rate: int) -> DataError:
    fits = (length - 1) // rate + 1
    todo = "leave the clip out" + (", or choose a lower --rate." if rate > 1 and length > 1 else ".")
    if fits >= min(rate, 2):
        todo = (
            f"a smaller window fits: --set protocol.windows.input_frames.{rate}={fits} for all methods, "
            f"--set options.window={fits} for one."
        )
    return DataError(
        f"A window covers {span} ground-truth frames at rate {rate}.", found=f"a clip of {length}", todo=todo
    )
