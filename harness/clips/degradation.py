"""LR frames: what an upscaler is given. Made with the protocol's kernel, or read where they have been prepared.

Source: the field's data scripts: MATLAB bicubic of the mod-cropped frame, rounded to 8 bits (harness.ops.resize).

Prepared frames (`harness data prepare`) are PNG files in a folder per clip, with a stamp that says which kernel made
them of which bytes, and the hash of every LR frame. Without a stamp that fits, they are not used.
"""

import hashlib
import json
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import ValidationError
from torch import Tensor

from harness.cards.base import Model
from harness.clips.clip import Clip
from harness.clips.images import Pixels, read_image
from harness.clips.tensors import reduced, to_tensor
from harness.errors import DataError

KERNEL = "matlab-bicubic-u8.v1"
"""Changes whenever LR frames change by a single level."""

STAMP = ".made-by-harness.json"


class Stamp(Model):
    """What prepared LR frames were made of, and with what. `frames`: file name to sha256 of its RGB bytes."""

    kernel: str
    scale: int
    source: str
    frames: dict[str, str] = {}

    @classmethod
    def wanted(cls, clip: Clip) -> Self:
        """The stamp that the clip's LR frames must carry, without the frames' hashes."""
        return cls(kernel=KERNEL, scale=clip.scale * clip.source_scale, source=clip.source_fingerprint())

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read a stamp; None where there is none, or none that makes sense."""
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError):
            return None

    def fits(self, clip: Clip) -> bool:
        """Whether frames with this stamp are all LR frames of the clip as it is now."""
        names = [lr_name(name) for name in clip.reader.names]
        return list(self.frames) == names and self.model_copy(update={"frames": {}}) == Stamp.wanted(clip)


def lr_name(stem: str) -> str:
    """The file name of a prepared LR frame."""
    return f"{stem}.png"


class LrFrames:
    """The LR frames of a clip, one at a time: read where they are prepared, else made from the source.

    Args:
        clip: the clip.
        scale: spatial factor; only frames of the clip's own scale are ever prepared.
    """

    def __init__(self, clip: Clip, *, scale: int) -> None:
        self._scale = scale * clip.source_scale
        self._folder = clip.lr_folder if scale == clip.scale else None
        stamp = None if self._folder is None else Stamp.load(self._folder / STAMP)
        self._prepared = list(stamp.frames.items()) if stamp is not None and stamp.fits(clip) else []

    def get(self, index: int, source: Pixels) -> Tensor:
        """LR frame `index`, uint8 (3, h, w), given its cropped source frame."""
        if self._folder is None or not self._prepared:
            return reduced(source, scale=self._scale)
        name, wanted = self._prepared[index]
        pixels = read_image(self._folder / name)
        if pixels_hash(pixels) != wanted:
            raise DataError(
                f"The LR frame {self._folder / name} should be as it was prepared.",
                found="other pixels",
                todo=f"remove the folder {self._folder}; LR frames are then made anew.",
            )
        return to_tensor(pixels)


def pixels_hash(pixels: Pixels) -> str:
    """Hex sha256 over a frame's RGB bytes."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
