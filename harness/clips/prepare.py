"""`harness data prepare`: LR frames on disk, once and for all.

They go into a folder of their own beside the clips, LR_bicubic_x4/<clip>/<frame>.png; ground truth is never touched,
nor are LR frames that somebody else made. Every file is written under another name and then renamed, so that a file
that exists is whole; the stamp that makes a clip's LR frames valid comes last. A run that was stopped goes on where
it stopped, if it was about the same bytes.
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from harness.clips.clip import Clip
from harness.clips.degradation import STAMP, Stamp, lr_name, pixels_hash
from harness.clips.images import Pixels, read_image
from harness.clips.tensors import reduced, to_pixels
from harness.errors import DataError

_STARTED = ".started-by-harness.json"
"""The stamp of an unfinished clip: which bytes its frames are made of so far."""

_PART = ".part"


def prepare_lr(clip: Clip, *, on_frame: Callable[[], None] | None = None) -> bool:
    """Write the LR frames of one clip.

    Args:
        clip: the clip.
        on_frame: called for every frame that is done.

    Returns:
        False where nothing was to be done: they are there and valid, or the clip does not lie on disk.

    Raises:
        DataError: a source frame is damaged, or the folder cannot be written or holds frames that others made.
    """
    folder = clip.lr_folder
    if folder is None or _is_done(clip, folder):
        return False
    with writing(folder):
        wanted = _start(clip, folder)
        frames: dict[str, str] = {}
        for name, digest in _write_frames(clip, folder):
            frames[name] = digest
            if on_frame is not None:
                on_frame()
        stamp = wanted.model_copy(update={"frames": frames})
        write_whole(folder / STAMP, stamp.model_dump_json(indent=1).encode())
        (folder / _STARTED).unlink()
        sweep(folder)
    return True


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there wholly or not at all. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the unfinished files that a killed run left."""
    for path in folder.glob(f".*{_PART}"):
        path.unlink(missing_ok=True)


def png_bytes(pixels: Pixels) -> bytes:
    """A frame, uint8 (H, W, 3), as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns the system's refusals (full disk, read-only folder) into words."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"Frames are to be written to {folder}.",
            found=error.strerror or str(error),
            todo="make room, or copy the dataset to a folder that can be written; what is done so far is kept.",
        ) from error


def _is_done(clip: Clip, folder: Path) -> bool:
    stamp = Stamp.load(folder / STAMP)
    return stamp is not None and stamp.fits(clip) and all((folder / name).is_file() for name in stamp.frames)


def _start(clip: Clip, folder: Path) -> Stamp:
    """Make the folder ready for frames of the clip as it is now: keep what was made of it, remove older work."""
    wanted = Stamp.wanted(clip)
    folder.mkdir(parents=True, exist_ok=True)
    if Stamp.load(folder / _STARTED) == wanted:
        return wanted
    older = list(folder.glob("*.png"))
    if older and not any((folder / name).exists() for name in (STAMP, _STARTED)):
        raise DataError(
            f"{folder} is where the LR frames of '{clip.name}' are to go.",
            found="frames that this program did not make",
            todo="move them away; they are not overwritten, and not used.",
        )
    write_whole(folder / _STARTED, b"{}")  # whatever happens from here on, the frames here are ours
    for path in (folder / STAMP, *older):
        path.unlink(missing_ok=True)
    write_whole(folder / _STARTED, wanted.model_dump_json().encode())
    return wanted


def _write_frames(clip: Clip, folder: Path) -> Iterator[tuple[str, str]]:
    """File name and pixel hash of every LR frame, written where it is not there yet."""
    for stem, source in zip(clip.reader.names, clip.read_cropped(), strict=True):
        path = folder / lr_name(stem)
        if path.exists():
            yield path.name, pixels_hash(read_image(path))
            continue
        pixels = to_pixels(reduced(source, scale=clip.scale * clip.source_scale))
        write_whole(path, png_bytes(pixels))
        yield path.name, pixels_hash(pixels)
