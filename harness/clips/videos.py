"""Video files as clips, through PyAV (FFmpeg): the extra `video`.

Conventions: every decoded frame in presentation order, none doubled or dropped for the sake of a constant rate;
uint8 RGB (H, W, 3) by swscale's default conversion with the matrix that the file names (BT.601 where it names none),
which is what OpenCV 5 gives; more than 8 bits are reduced to 8.

Deviation: rotation metadata is ignored, frames are as they are stored. OpenCV, with which the papers extracted their
frames, ignored it at first, then applied it (the wrong way round in 4.6.0), with a default that changed between
versions; so frames which others extracted may lie on their side.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.clips.images import Pixels
from harness.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv")


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


class VideoFrames:
    """The frames of a video file's first video stream.

    Args:
        path: the file.

    Raises:
        MissingExtraError: when it is used and PyAV is not installed.
        DataError: when it is used and the file is damaged or holds no video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        """Frames: the container's own count where its packets agree with it, else by decoding all of them."""
        return self._facts[2]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame, pixels."""
        return self._facts[:2]

    @property
    def names(self) -> tuple[str, ...]:
        """A file name stem for every frame."""
        return tuple(f"{index:08d}" for index in range(len(self)))

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the frames come from."""
        return (self.path,)

    def read(self) -> Iterator[Pixels]:
        """Decode the frames one after another. Raises DataError, naming the frame."""
        count = 0
        with self._open() as (container, stream):
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise self._cut_short(count, len(self))
                pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
                if pixels.shape[:2] != self.size:
                    raise DataError(
                        f"All frames of {self.path} should be {self.size[1]}x{self.size[0]}.",
                        found=f"frame {count} is {pixels.shape[1]}x{pixels.shape[0]}",
                    )
                yield pixels
                count += 1
        if count != len(self):
            raise self._cut_short(count, len(self))

    @cached_property
    def _facts(self) -> tuple[int, int, int]:
        with self._open() as (container, stream):
            height, width, told = stream.codec_context.height, stream.codec_context.width, stream.frames
            packets = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_discard)
            edited = "mov" in container.format.name  # edit lists of trimmed videos hide frames that exist
        if packets == told and packets:
            return height, width, packets
        with self._open() as (container, stream):
            count = sum(1 for _ in container.decode(stream))
        if count == 0 or (count < told and not edited):
            raise self._cut_short(count, max(told, 1))
        return height, width, count

    def _cut_short(self, count: int, wanted: int) -> DataError:
        return DataError(
            f"The video {self.path} should hold {wanted} frames.",
            found=f"{count} can be decoded",
            todo="copy it again from where it came from, or extract its frames to a folder of PNG files.",
        )

    @contextmanager
    def _open(self) -> "Iterator[tuple[InputContainer, VideoStream]]":
        try:
            import av  # noqa: PLC0415  (an optional extra)
        except ImportError as error:
            raise MissingExtraError("av", extra="video", purpose=f"Reading the video {self.path}") from error
        try:
            with closing(av.open(str(self.path), metadata_errors="ignore")) as container:
                if not container.streams.video:
                    raise DataError(f"A video is wanted in {self.path}.", found="no video stream")
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                yield container, stream
        except (av.error.FFmpegError, OSError) as error:
            raise DataError(
                f"The video {self.path} is damaged or cannot be read.",
                found=error.strerror or str(error),
                todo="copy it again from where it came from, or extract its frames to a folder of PNG files.",
            ) from error
