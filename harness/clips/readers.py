"""What all sources of frames have in common: how many, how large, one after another, and a fingerprint.

Conventions: frames are uint8 RGB (H, W, 3), read in order from 0; nothing is kept.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from harness.clips.images import Pixels, image_files, image_size, read_image
from harness.clips.procedural import ProceduralFrames
from harness.clips.videos import VideoFrames
from harness.errors import DataError

_CHUNK = 1 << 20


class FrameReader(Protocol):
    """A clip's frames, wherever they come from."""

    def __len__(self) -> int:
        """Number of frames."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every frame, pixels."""

    @property
    def names(self) -> Sequence[str]:
        """A file name stem for every frame."""

    def read(self) -> Iterator[Pixels]:
        """The frames in order. Raises DataError for what cannot be read, naming it."""

    def fingerprint(self) -> str:
        """Hex sha256 of the bytes that the frames come from."""


class ImageReader:
    """A folder of images. Opening it reads names and headers only.

    Args:
        folder: holds the images directly.

    Raises:
        DataError: no frames, frames of several kinds or sizes, two names that differ in their ending only, or a
            header that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = image_files(folder)
        if not self.files:
            raise DataError(f"Frames are wanted in {folder}.", found="no images")
        self.names = tuple(path.stem for path in self.files)
        if len(set(self.names)) < len(self.names):
            raise DataError(
                f"The frames in {folder} need names of their own.", found="names that differ in their ending only"
            )

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width. Raises DataError when the headers disagree."""
        first = image_size(self.files[0])
        for path in self.files[1:]:
            _check_size(path, image_size(path), first)
        return first

    def read(self) -> Iterator[Pixels]:
        """Decode the frames one after another."""
        for path in self.files:
            pixels = read_image(path)
            _check_size(path, pixels.shape[:2], self.size)
            yield pixels

    def fingerprint(self) -> str:
        """Hash of the files' bytes in frame order."""
        return fingerprint_files(self.files)


class VideoReader(VideoFrames):
    """A video file."""

    def fingerprint(self) -> str:
        """Hash of the file's bytes."""
        return fingerprint_files((self.path,))


class ProceduralReader:
    """A simulated clip."""

    def __init__(self, frames: ProceduralFrames) -> None:
        self.frames = frames
        self.size = frames.size
        self.names = tuple(f"{index:08d}" for index in range(len(frames)))

    def __len__(self) -> int:
        return len(self.frames)

    def read(self) -> Iterator[Pixels]:
        """Render the frames one after another."""
        return (self.frames.read(index) for index in range(len(self.frames)))

    def fingerprint(self) -> str:
        """Hash of the scene, the renderer's version and the photographs."""
        return self.frames.fingerprint()


def open_reader(path: Path) -> ImageReader | VideoReader:
    """The frames of a folder of images or of a video file."""
    return ImageReader(path) if path.is_dir() else VideoReader(path)


def fingerprint_files(files: Sequence[Path]) -> str:
    """Hex sha256 over length and bytes of every file. Raises DataError when one cannot be read."""
    digest = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as file:
                digest.update(path.stat().st_size.to_bytes(8, "little"))
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise DataError(f"The file {path} cannot be read.", found=str(error)) from error
    return digest.hexdigest()


def _check_size(path: Path, found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    if found != wanted:
        raise DataError(
            f"All frames of a clip should be {wanted[1]}x{wanted[0]}.",
            found=f"{path} is {found[1]}x{found[0]}",
            todo="remove what is no frame of this clip.",
        )
