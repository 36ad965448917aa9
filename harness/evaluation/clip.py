"""One clip: upscale window by window, score every new frame, keep nothing but the scores."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.cards.protocol import ProtocolCard
from harness.clips.clip import Clip
from harness.clips.stream import ClipStream, WindowFrames
from harness.clips.windows import plan_windows
from harness.errors import DataError
from harness.evaluation.plan import Cell
from harness.evaluation.precision import check_precision, compute
from harness.ops.resize import quantise
from harness.records.schema import ClipLine
from harness.upscalers.base import LrWindow


@dataclass(frozen=True)
class ScoredFrames:
    """The new frames of one window: index, whether it was an input, prediction and ground truth.

    `prediction` and `truth` are (K, 3, H, W) in [0, 255]: uint8, or float where the protocol does not round.
    """

    frames: tuple[int, ...]
    given: tuple[bool, ...]
    prediction: Tensor
    truth: Tensor


def to_levels(frames: Tensor, protocol: ProtocolCard) -> Tensor:
    """Frames in [0, 1] to the 0..255 levels that the protocol scores: clamped, then rounded, cut, or neither."""
    if protocol.quantise == "round":
        return quantise(frames)
    levels = frames.clamp(0, 1) * 255
    return levels.to(torch.uint8) if protocol.quantise == "truncate" else levels


def upscale_clip(cell: Cell, clip: Clip, stream: ClipStream) -> Iterator[ScoredFrames]:
    """Every scored frame of a clip once, in order, from the first window that produced it."""
    for frames, upscaled in upscaled_windows(cell, stream):
        window = frames.window
        slots = [index - window.outputs.start for index in window.scored]
        prediction = to_levels(upscaled[slots].float(), cell.protocol)
        truth = frames.hr.to(prediction.device, non_blocking=True)
        if prediction.shape != truth.shape:
            raise DataError(
                f"{clip.name}: the upscaled frames should have the size of the ground truth.",
                found=f"{tuple(prediction.shape)} against {tuple(truth.shape)}",
            )
        given = tuple(index in window.inputs for index in window.scored)
        yield ScoredFrames(window.scored, given, prediction, truth)


def upscaled_windows(cell: Cell, stream: Iterable[WindowFrames]) -> Iterator[tuple[WindowFrames, Tensor]]:
    """Every window with its HR frames ((N - 1) rate + 1, 3, s h, s w), on the upscaler's device.

    The upscaler may read windows ahead of the one that it gives: these wait here.
    """
    precision, device = check_precision(cell.header.precision), cell.built.device
    waiting: deque[WindowFrames] = deque()

    def lr_windows() -> Iterator[LrWindow]:
        for frames in stream:
            waiting.append(frames)
            yield frames.lr.to(device, non_blocking=True), frames.window.inputs

    hr_windows = cell.built.upscaler.upscale_windows(lr_windows(), cell.header.rate)
    while True:
        with torch.inference_mode(), compute(device, precision):
            upscaled = next(hr_windows, None)
        if upscaled is None:
            break
        frames = waiting.popleft()
        wanted = len(frames.window.outputs)
        if upscaled.shape[0] != wanted:
            raise DataError(f"The upscaler should give {wanted} frames.", found=str(upscaled.shape[0]))
        yield frames, upscaled
    if waiting:
        raise DataError("The upscaler should give every window its frames.", found=f"{len(waiting)} without any")


def open_stream(cell: Cell, clip: Clip) -> ClipStream:
    """The clip's windows under the cell's protocol, decoded ahead in the background."""
    windows = plan_windows(
        clip.frames,
        rate=cell.header.rate,
        windows=cell.protocol.windows,
        input_frames=cell.built.input_frames,
    )
    return ClipStream(clip, windows, scale=cell.header.scale)


@dataclass
class ClipScores:
    """Collects a clip's line while its frames come by."""

    frames: list[int]
    given: list[bool]
    scores: dict[str, list[float]]

    @classmethod
    def empty(cls, metrics: tuple[str, ...]) -> "ClipScores":
        """Nothing scored yet."""
        return cls([], [], {name: [] for name in metrics})

    def add(self, scored: ScoredFrames, scores: dict[str, Tensor]) -> None:
        """The scores of the next frames. The only place where the host waits for the device."""
        self.frames += scored.frames
        self.given += scored.given
        for name, values in scores.items():
            self.scores[name] += values.double().cpu().tolist()

    def line(self, clip: Clip, *, source: str, pixels: str) -> ClipLine:
        """The finished line."""
        return ClipLine(
            clip=clip.name,
            group=clip.group,
            status="done",
            source=source,
            pixels=pixels,
            height=clip.height,
            width=clip.width,
            frames=tuple(self.frames),
            given=tuple(self.given),
            scores={name: tuple(values) for name, values in self.scores.items()},
        )
