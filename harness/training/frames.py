"""Where crops are cut from: decoded clips in memory, on the training device, or files that are decoded for each crop.

HR frames are cut at the bottom and right to a multiple of the scale. LR frames are made of full HR frames by
MATLAB's bicubic and rounded to 8 bits (harness.ops.resize), as benchmarks do, not of the crops.

Conventions: uint8 RGB; HR crops (T, 3, s*c, s*c), LR crops (T, 3, c, c).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from harness.clips.images import read_image
from harness.clips.readers import ImageReader
from harness.clips.tensors import to_tensor
from harness.errors import DataError
from harness.evaluation.machine import usable_cores
from harness.ops.resize import lr_from_hr
from harness.training.sampling import Draw, Extent
from harness.training.sources import SourceClip

# LR pixels around a crop of which its LR pixels are made, too: bicubic reaches two LR pixels far.
_MARGIN = 4


class Frames(NamedTuple):
    """Consecutive frames, uint8.

    Args:
        hr: (T, 3, H, W).
        lr: (T, 3, H / s, W / s).
    """

    hr: Tensor
    lr: Tensor


class FrameStore(Protocol):
    """Cuts crops out of clips."""

    slow: bool
    """Whether cutting is worth a thread of its own."""

    def cut(self, draw: Draw, *, frames: int, crop: int) -> Frames:
        """The frames of a draw, before it is mirrored, flipped, reversed or transposed."""


def extent(clip: SourceClip, *, scale: int) -> Extent:
    """Frames and LR size of a clip."""
    return clip.frames, clip.size[0] // scale, clip.size[1] // scale


def gibibytes(clips: Sequence[SourceClip], *, scale: int) -> float:
    """What the decoded clips need in memory."""
    pixels = sum(clip.frames * clip.size[0] * clip.size[1] for clip in clips)
    return 3 * pixels * (1 + 1 / scale**2) / 2**30


def load_clip(clip: SourceClip, *, scale: int) -> Frames:
    """Decode a whole clip. Raises DataError for what is damaged."""
    height, width = (side // scale * scale for side in clip.size)
    frames = [to_tensor(pixels[:height, :width]) for pixels in clip.open().read()]
    if len(frames) != clip.frames:
        raise DataError(f"The clip '{clip.name}' should have {clip.frames} frames.", found=str(len(frames)))
    hr = torch.stack(frames)
    return Frames(hr, lr_from_hr(hr, scale=scale))


class MemoryStore:
    """Decoded clips on one device.

    Args:
        clips: what is decoded, all at once.
        scale: spatial factor.
        device: where the frames are kept.
        told: called after every clip.
    """

    slow = False

    def __init__(
        self,
        clips: Sequence[SourceClip],
        *,
        scale: int,
        device: torch.device,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self.scale = scale
        self.clips: list[Frames] = []
        with ThreadPoolExecutor(usable_cores()) as pool:
            for loaded in pool.map(lambda clip: load_clip(clip, scale=scale), clips):
                self.clips.append(Frames(loaded.hr.to(device), loaded.lr.to(device)))
                told()

    def cut(self, draw: Draw, *, frames: int, crop: int) -> Frames:
        """See FrameStore; views, nothing is copied."""
        clip, s = self.clips[draw.clip], self.scale
        time = slice(draw.start, draw.start + frames)
        hr = clip.hr[time, :, s * draw.top : s * (draw.top + crop), s * draw.left : s * (draw.left + crop)]
        return Frames(hr, clip.lr[time, :, draw.top : draw.top + crop, draw.left : draw.left + crop])


class FileStore:
    """Image files that are decoded for each crop: for what does not fit into memory.

    Args:
        clips: folders of images.
        scale: spatial factor.
    """

    slow = True

    def __init__(self, clips: Sequence[SourceClip], *, scale: int) -> None:
        self.scale = scale
        self._clips = clips

    def cut(self, draw: Draw, *, frames: int, crop: int) -> Frames:
        """See FrameStore. Raises DataError: a damaged frame, or a video."""
        clip, s = self._clips[draw.clip], self.scale
        reader = clip.open()
        if not isinstance(reader, ImageReader):
            raise DataError(
                "Clips that do not fit into memory must be folders of images.",
                found=f"'{clip.name}'",
                todo="extract its frames, or raise recipe.memory_gib",
            )
        if len(reader) != clip.frames:
            raise DataError(f"The clip '{clip.name}' should have {clip.frames} frames.", found=str(len(reader)))
        # LR pixels need no more of the full frame than a margin; where the frame ends, so does the margin.
        _, height, width = extent(clip, scale=s)
        top, left = max(0, draw.top - _MARGIN), max(0, draw.left - _MARGIN)
        bottom, right = min(height, draw.top + crop + _MARGIN), min(width, draw.left + crop + _MARGIN)
        wide = torch.stack(
            [
                self._read(reader, index, clip.size)[:, s * top : s * bottom, s * left : s * right]
                for index in range(draw.start, draw.start + frames)
            ]
        )
        y, x = draw.top - top, draw.left - left
        hr = wide[:, :, s * y : s * (y + crop), s * x : s * (x + crop)]
        return Frames(hr, lr_from_hr(wide, scale=s)[:, :, y : y + crop, x : x + crop])

    def _read(self, reader: ImageReader, index: int, size: tuple[int, int]) -> Tensor:
        pixels = read_image(reader.files[index])
        if pixels.shape[:2] != size:
            raise DataError(
                f"{reader.files[index]} should be {size[1]}x{size[0]}.", found=f"{pixels.shape[1]}x{pixels.shape[0]}"
            )
        return to_tensor(pixels)
