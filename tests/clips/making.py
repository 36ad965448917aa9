"""Small clips on disk, and a reader that lives in memory."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from harness.cards import ClipEntry, DatasetCard, Manifest
from harness.clips.images import Pixels


def noise(count: int, height: int, width: int, *, seed: int = 0) -> list[Pixels]:
    """Frames that differ everywhere."""
    draw = np.random.default_rng(seed)
    return [draw.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def smooth(count: int, height: int, width: int) -> list[Pixels]:
    """Frames of a picture that moves: what video codecs are made for."""
    rows, columns = np.mgrid[:height, :width]
    waves = ((7.0, 9.0), (5.0, 13.0), (11.0, 6.0))

    def frame(t: int) -> Pixels:
        planes = [127.5 + 60 * np.sin((rows + t) / a) + 60 * np.cos((columns - 2 * t) / b) for a, b in waves]
        return np.stack(planes, axis=-1).astype(np.uint8)

    return [frame(t) for t in range(count)]


def write_frames(
    folder: Path, frames: Sequence[Pixels], *, name: Callable[[int], str] = lambda index: f"{index}.png"
) -> Path:
    """A folder of image files."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / name(index))
    return folder


def write_video(path: Path, frames: Sequence[Pixels], *, codec: str = "mpeg4", pixel_format: str = "yuv420p") -> Path:
    """A video file; `ffv1` with `bgr0` is lossless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mov" if path.suffix.lower() == ".mov" else None) as container:
        stream = container.add_stream(codec, rate=30)
        if not isinstance(stream, av.VideoStream):
            raise TypeError(codec)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixel_format
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return path


def pixel_hash(frames: Sequence[Pixels]) -> str:
    """The manifest's hash, by its definition."""
    return hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()


def entry(frames: Sequence[Pixels]) -> ClipEntry:
    """What a manifest says of these frames."""
    height, width = frames[0].shape[:2]
    return ClipEntry(frames=len(frames), width=width, height=height, pixels=pixel_hash(frames))


def two_clips(root: Path) -> tuple[DatasetCard, Manifest]:
    """A dataset of two clips below `root`, and its card and manifest."""
    clips = {"one": noise(7, 24, 32, seed=1), "two": noise(9, 24, 32, seed=2)}
    for clip, frames in clips.items():
        write_frames(root / "pair" / "GT" / clip, frames)
    card = DatasetCard(name="pair", title="Pair", layout="clip-folders", folders=("pair/GT", "pair"), download="Ask.")
    return card, Manifest(clips={clip: entry(frames) for clip, frames in clips.items()})


class Memory:
    """Frames in memory, read like a clip; counts how many were asked for."""

    def __init__(self, frames: Sequence[Pixels], *, fail_at: int | None = None) -> None:
        self.frames = frames
        self.size = (frames[0].shape[0], frames[0].shape[1])
        self.names = tuple(str(index) for index in range(len(frames)))
        self.fail_at = fail_at
        self.read_so_far = 0

    def __len__(self) -> int:
        return len(self.frames)

    def read(self) -> Iterator[Pixels]:
        for index, frame in enumerate(self.frames):
            if index == self.fail_at:
                raise OSError("the disk is gone")
            self.read_so_far += 1
            yield frame.copy()

    def fingerprint(self) -> str:
        return pixel_hash(self.frames)
