"""A clip: consecutive ground-truth frames with a name, and what the manifest knows of them.

Conventions: HR frames are uint8 RGB (H, W, 3), cut at the bottom and right to a multiple of the scale ("mod-crop", as
the field does before it makes LR). Where the HR frame is itself a reduced source frame (Adobe240, `source_scale` 2),
both HR and LR are made from the source, as TMNet and VideoINR do: LR = source / 8, not HR / 4.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from harness.clips.images import Pixels
from harness.clips.readers import FrameReader
from harness.errors import DataError


@dataclass(frozen=True)
class Clip:
    """One clip of a benchmark.

    Attributes:
        name: "calendar", "00001/0625".
        reader: the source frames.
        scale: spatial factor between LR and HR.
        source_scale: spatial factor between HR and the source frames.
        expected_pixels: hex sha256 over all source frames' RGB bytes in order, where the manifest knows it.
        lr_folder: where `harness data prepare` keeps the clip's LR frames; None where it keeps none.
    """

    name: str
    reader: FrameReader
    scale: int = 4
    source_scale: int = 1
    expected_pixels: str | None = None
    lr_folder: Path | None = None

    @property
    def group(self) -> str:
        """The folder above the clip, for protocols that average over folders; "" where there is none."""
        return self.name.rpartition("/")[0]

    @cached_property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.reader)

    @property
    def height(self) -> int:
        """Height of an HR frame, pixels."""
        return self._crop[0] // self.source_scale

    @property
    def width(self) -> int:
        """Width of an HR frame, pixels."""
        return self._crop[1] // self.source_scale

    @cached_property
    def _fingerprint(self) -> str:
        return self.reader.fingerprint()

    def source_fingerprint(self) -> str:
        """Hex sha256 of the bytes that the frames come from; read once per process."""
        return self._fingerprint

    def read(self) -> Iterator[Pixels]:
        """The HR frames in order, decoded as they are asked for."""
        for source in self.read_cropped():
            yield source if self.source_scale == 1 else self._reduced(source)

    def read_cropped(self, *, see: Callable[[memoryview], object] | None = None) -> Iterator[Pixels]:
        """The source frames, cut so that both scales divide them; `see` gets each frame's bytes before the cut."""
        height, width = self._crop
        for source in self.reader.read():
            if see is not None:
                see(np.ascontiguousarray(source).data)
            yield source[:height, :width]

    def pixel_hash(self) -> str:
        """Decode all frames and hash their RGB bytes. Raises DataError for the first damaged frame."""
        digest = hashlib.sha256()
        for _ in self.read_cropped(see=digest.update):
            pass
        return digest.hexdigest()

    def check_pixels(self, found: str) -> None:
        """Compare a hash of decoded pixels with the manifest's, where it knows one. Raises DataError."""
        if self.expected_pixels is not None and found != self.expected_pixels:
            raise DataError(
                f"The frames of '{self.name}' are not the published ones.",
                found=f"sha256 of their pixels {found[:12]}…, not {self.expected_pixels[:12]}…",
                todo="copy the clip again from where the dataset came from; other frames give other scores.",
            )

    @property
    def _crop(self) -> tuple[int, int]:
        multiple = self.scale * self.source_scale
        height, width = self.reader.size
        return height // multiple * multiple, width // multiple * multiple

    def _reduced(self, source: Pixels) -> Pixels:
        from harness.clips.tensors import reduced, to_pixels  # noqa: PLC0415  (torch)

        return to_pixels(reduced(source, scale=self.source_scale))
