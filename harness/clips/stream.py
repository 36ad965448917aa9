"""A clip as a stream of windows: decoded, reduced and hashed in the background, ahead of the upscaler.

One thread decodes every frame of the clip once (a dropped tail too: the pixel hash covers all of it), makes LR frames
where a window needs them, and keeps no more than the frames of the window at hand and of `read_ahead` finished ones:
memory does not grow with the clip.

Conventions: LR (N, 3, h, w) float32 RGB in [0, 1], rounded to 8 bits before; HR (K, 3, H, W) uint8 RGB.
"""

import hashlib
import queue
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from harness.clips.clip import Clip
from harness.clips.degradation import LrFrames
from harness.clips.images import Pixels
from harness.clips.tensors import reduced, to_tensor
from harness.clips.windows import Window
from harness.errors import DataError, UsageError

_PATIENCE = 0.1  # seconds after which the thread looks whether anybody still listens


@dataclass(frozen=True)
class WindowFrames:
    """What an upscaler is given, and what it is scored against.

    Attributes:
        window: the frames' indices.
        lr: (N, 3, h, w) float32 in [0, 1], the frames `window.inputs`.
        hr: (K, 3, H, W) uint8, the frames `window.scored`.
    """

    window: Window
    lr: Tensor
    hr: Tensor


@dataclass(frozen=True)
class _End:
    pixels: str


_Item = WindowFrames | _End | Exception


class ClipStream:
    """The windows of a clip, once, in order. A context manager; leaving it stops the thread.

    Args:
        clip: the clip.
        windows: from `plan_windows`, for `clip.frames` frames.
        scale: spatial factor between LR and HR.
        read_ahead: finished windows that may wait for the consumer.

    Raises:
        UsageError: the scale does not divide the clip's size.
        DataError: while iterating, for what cannot be read.
    """

    def __init__(self, clip: Clip, windows: Sequence[Window], *, scale: int, read_ahead: int = 2) -> None:
        if clip.height % scale or clip.width % scale:
            raise UsageError(
                f"A scale that divides the frames of '{clip.name}' is wanted.",
                found=f"scale {scale}, frames of {clip.width}x{clip.height}",
            )
        self._queue: queue.Queue[_Item] = queue.Queue(max(read_ahead, 1))
        self._stop = threading.Event()
        self._pixels: str | None = None
        # The thread knows queue and event, never this object: when nobody holds the stream any more, it ends.
        weakref.finalize(self, self._stop.set)
        outlet = _Outlet(self._queue, self._stop)
        work = (clip, tuple(windows), scale, outlet)
        self._thread = threading.Thread(target=_produce, args=work, name=f"decode {clip.name}", daemon=True)
        self._thread.start()

    @property
    def pixels(self) -> str:
        """Hex sha256 over all source frames' RGB bytes, once the stream has been read to its end."""
        if self._pixels is None:
            raise UsageError("The hash of a clip's pixels is known when all its windows have been read.")
        return self._pixels

    def __iter__(self) -> Iterator[WindowFrames]:
        while self._pixels is None and not self._stop.is_set():
            item = self._queue.get()
            if isinstance(item, WindowFrames):
                yield item
                del item  # not kept while the next window is awaited
            elif isinstance(item, _End):
                self._pixels = item.pixels
            else:
                self._stop.set()
                raise item

    def close(self) -> None:
        """Stop decoding and wait for the thread to end; nothing happens where it has."""
        self._stop.set()
        self._thread.join()
        while not self._queue.empty():
            self._queue.get_nowait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def stream_windows(
    clip: Clip, windows: Sequence[Window], *, scale: int, read_ahead: int = 2
) -> Iterator[WindowFrames]:
    """The windows of a clip as a generator that closes its stream when it ends or is closed."""
    with ClipStream(clip, windows, scale=scale, read_ahead=read_ahead) as stream:
        yield from stream


class _StoppedError(Exception):
    """Nobody listens any more."""


@dataclass(frozen=True)
class _Outlet:
    """The thread's end of the queue."""

    items: "queue.Queue[_Item]"
    stop: threading.Event

    def put(self, item: _Item) -> None:
        """Hand over, waiting for room. Raises _StoppedError."""
        while not self.stop.is_set():
            try:
                return self.items.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
        raise _StoppedError

    def check(self) -> None:
        """Raises _StoppedError when nobody listens any more."""
        if self.stop.is_set():
            raise _StoppedError


def _produce(clip: Clip, windows: tuple[Window, ...], scale: int, outlet: _Outlet) -> None:
    try:
        digest = hashlib.sha256()
        for frames in _decode(clip, windows, scale, digest.update, outlet.check):
            outlet.put(frames)
            del frames  # not kept while the next window is decoded
        outlet.put(_End(digest.hexdigest()))
    except _StoppedError:
        return
    except Exception as error:  # whatever goes wrong here is the consumer's to know
        try:
            outlet.put(error)
        except _StoppedError:
            return


def _decode(
    clip: Clip,
    windows: tuple[Window, ...],
    scale: int,
    see: Callable[[memoryview], object],
    check: Callable[[], None],
) -> Iterator[WindowFrames]:
    """Decode the clip's frames one by one; give out each window as soon as its last frame is there."""
    lr = _LrShelf(LrFrames(clip, scale=scale), windows)
    hr = _HrShelf(clip, windows)
    waiting = deque(windows)
    count = 0
    for index, pixels in enumerate(clip.read_cropped(see=see)):
        check()
        count += 1
        lr.take(index, pixels)
        hr.take(index, pixels)
        while waiting and index >= max(waiting[0].inputs[-1], *waiting[0].scored):
            window = waiting.popleft()
            yield WindowFrames(window, lr.give(window), hr.give(window))
            lr.forget(before=waiting[0].outputs.start if waiting else count)
    if count != clip.frames:
        raise DataError(f"'{clip.name}' should have {clip.frames} frames.", found=f"{count} when they were read")


class _LrShelf:
    """The LR frames of the window at hand, and those that the next one shares with it."""

    def __init__(self, frames: LrFrames, windows: tuple[Window, ...]) -> None:
        self._frames = frames
        self._wanted = {index for window in windows for index in window.inputs}
        self._kept: dict[int, Tensor] = {}

    def take(self, index: int, source: Pixels) -> None:
        if index in self._wanted:
            self._kept[index] = self._frames.get(index, source)

    def give(self, window: Window) -> Tensor:
        return torch.stack([self._kept[index] for index in window.inputs]).float().div_(255)

    def forget(self, *, before: int) -> None:
        self._kept = {index: frame for index, frame in self._kept.items() if index >= before}


class _HrShelf:
    """The HR frames of the window at hand, written straight into its tensor.

    One block of memory a window: with a block a frame, the allocator's gaps grow over a long clip.
    """

    def __init__(self, clip: Clip, windows: tuple[Window, ...]) -> None:
        self._clip = clip
        self._places = {frame: (window, slot) for window in windows for slot, frame in enumerate(window.scored)}
        self._blocks: dict[Window, Tensor] = {}

    def take(self, index: int, source: Pixels) -> None:
        if index not in self._places:
            return
        window, slot = self._places[index]
        if window not in self._blocks:
            shape = (len(window.scored), 3, self._clip.height, self._clip.width)
            self._blocks[window] = torch.empty(shape, dtype=torch.uint8)
        scale = self._clip.source_scale
        self._blocks[window][slot] = to_tensor(source) if scale == 1 else reduced(source, scale=scale)

    def give(self, window: Window) -> Tensor:
        return self._blocks.pop(window)
