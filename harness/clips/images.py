"""Folders of images as clips, through Pillow.

Conventions: a frame is uint8 RGB (H, W, 3), exactly as stored: orientation tags, colour profiles and gamma are
ignored. Grey frames get three equal channels; an alpha channel is dropped, not blended. Anything that does not fit
in 8 bits RGB without a choice (16 bits, CMYK, animations) is refused. Frames follow each other in natural order
("Frame 2" before "Frame 10"); hidden files and other files than images are no frames.
"""

import re
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from harness.errors import DataError

Pixels = npt.NDArray[np.uint8]

_KINDS = {
    ".png": "png",
    ".webp": "webp",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".bmp": "bmp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_PLAIN_MODES = ("RGB", "RGBA", "RGBX", "L", "LA", "P", "1")
_PNG_HEAD = struct.Struct(">8s4x4sIIB")  # signature, length, "IHDR", width, height, bit depth
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise on damaged files."""


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key under which numbers in names count as numbers.

    >>> sorted(["Frame 10.png", "frame 2.png"], key=natural)
    ['frame 2.png', 'Frame 10.png']
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    return (*((int(part), "") if part.isdecimal() else (-1, part) for part in parts), (-2, name))


def image_files(folder: Path) -> tuple[Path, ...]:
    """The images directly in a folder, in natural order.

    Raises:
        DataError: images of several kinds, so that it is not clear which of them are the frames.
    """
    files = [path for path in folder.iterdir() if path.suffix.lower() in _KINDS and not path.name.startswith(".")]
    kinds = Counter(_KINDS[path.suffix.lower()] for path in files)
    if len(kinds) > 1:
        raise DataError(
            f"The frames in {folder} should be of one kind.",
            found=", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
            todo="keep the frames of one clip in a folder of their own.",
        )
    return tuple(sorted(files, key=lambda path: natural(path.name)))


def image_size(path: Path) -> tuple[int, int]:
    """Height and width from an image's header alone. Raises DataError."""
    try:
        with path.open("rb") as file:
            head = file.read(_PNG_HEAD.size)
        if len(head) == _PNG_HEAD.size:
            signature, chunk, width, height, depth = _PNG_HEAD.unpack(head)
            if signature == b"\x89PNG\r\n\x1a\n" and chunk == b"IHDR" and depth <= 8:
                return height, width  # PNG is what benchmarks have, by the ten thousand
        with Image.open(path) as image:
            _refuse_unfit(image, path)
            return image.height, image.width
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def read_image(path: Path) -> Pixels:
    """Decode one frame.

    Returns:
        uint8 RGB (H, W, 3), writable.

    Raises:
        DataError: the file is missing, damaged, cut short, or not 8-bit.
    """
    try:
        with Image.open(path) as image:
            _refuse_unfit(image, path)
            return np.array(image.convert("RGB"))
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _refuse_unfit(image: ImageFile, path: Path) -> None:
    # Pillow opens 16-bit RGB files as mode "RGB" and cuts the low byte off; only the raw mode tells.
    raw = " ".join(str(tile[3]) for tile in image.tile)
    if image.mode not in _PLAIN_MODES or ";16" in raw:
        found = "16 bits per channel" if ";16" in raw or image.mode.startswith(("I", "F")) else f"mode {image.mode}"
        raise DataError(
            f"{path}: a frame is 8-bit RGB or grey.", found=found, todo="convert the frames to 8-bit RGB."
        )
    if getattr(image, "n_frames", 1) > 1:
        raise DataError(
            f"{path}: one image per file is wanted.",
            found="an animation or several pages",
            todo="extract its frames into a folder.",
        )


def _damaged(path: Path, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno is not None:  # the system's word, not the decoder's
        return DataError(f"The frame {path} cannot be read.", found=error.strerror or str(error))
    words = "no image in it" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__
    return DataError(
        f"The frame {path} is damaged.", found=words, todo="copy it again from where the dataset came from."
    )
