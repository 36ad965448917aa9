"""How datasets lie on people's disks: from a data root to the folders and video files that are clips.

A card names candidate folders below the data root; upper and lower case do not matter. The first candidate that holds
any clip counts. Clips lie right below it, so that LR_bicubic_x4/<clip>/ is never taken for one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.cards.dataset import Layout
from harness.clips.images import image_files, natural
from harness.clips.videos import is_video
from harness.errors import DataError

LR_FOLDER = "LR_bicubic_x{scale}"

_INNER = ("gt", "hr", "sequences", "test")
"""Names of folders inside a dataset's folder that hold the clips; LR frames go beside them, not into them."""


@dataclass(frozen=True)
class Located:
    """Where a dataset lies.

    Attributes:
        folder: the dataset's folder.
        sources: clip name -> folder of frames or video file.
        extra: what lies among the clips and is none of them.
    """

    folder: Path
    sources: dict[str, Path]
    extra: tuple[str, ...] = ()

    def lr_folder(self, clip: str, *, scale: int) -> Path:
        """Where the LR frames of a clip are kept."""
        return self.folder / LR_FOLDER.format(scale=scale) / clip


Locate = Callable[[Path, tuple[str, ...]], Located]


def locate(layout: Layout, candidates: Iterable[Path], expected: tuple[str, ...]) -> Located | None:
    """The first candidate that holds a clip; None where none does.

    Args:
        layout: how the dataset lies.
        candidates: folders, existing or not.
        expected: the clips' names; empty where the dataset is whatever lies there.
    """
    rule = _RULES[layout]
    for folder in candidates:
        try:
            located = rule(folder, expected) if folder.is_dir() else None
        except OSError as error:
            raise DataError(f"The folder {folder} cannot be read.", found=str(error)) from error
        if located is not None and located.sources:
            return located
    return None


def below(root: Path, relative: str) -> Path:
    """`root/relative`, where every part may be spelt in other case on disk."""
    path = root
    for part in PurePosixPath(relative).parts:
        exact = path / part
        if not exact.exists() and path.is_dir():
            alike = sorted(entry for entry in path.iterdir() if entry.name.casefold() == part.casefold())
            exact = alike[0] if alike else exact
        path = exact
    return path


def _clip_folders(folder: Path, expected: tuple[str, ...]) -> Located:
    """A folder per clip, right below: Vid4, Adobe240."""
    holding = {path.name: path for path in _entries(folder) if path.is_dir() and _has_images(path)}
    home = folder.parent if folder.name.casefold() in _INNER else folder
    if not expected:
        return Located(home, holding)
    folded = {name.casefold(): name for name in holding}
    sources = {name: holding[folded[name.casefold()]] for name in expected if name.casefold() in folded}
    used = {path.name for path in sources.values()}
    return Located(home, sources, tuple(name for name in holding if name not in used))


def _vimeo_septuplet(folder: Path, expected: tuple[str, ...]) -> Located:
    """sequences/00001/0625/im1.png ... im7.png. The dataset is larger than any list: nothing in it is extra."""
    inner = below(folder, "sequences")
    home = inner if inner.is_dir() else folder
    sources = {name: home / name for name in expected if (home / name).is_dir()}
    return Located(folder, sources)


def _frames(folder: Path, expected: tuple[str, ...]) -> Located:
    """Whatever a user has: frames right here, folders of frames, video files."""
    del expected
    sources = {folder.resolve().name: folder} if _has_images(folder) else {}
    sources |= {
        path.name: path for path in _entries(folder) if is_video(path) or (path.is_dir() and _has_images(path))
    }
    return Located(folder, sources)


def _procedural(folder: Path, expected: tuple[str, ...]) -> Located:
    raise DataError(f"Procedural clips do not lie on disk: {', '.join(expected)}.", found=str(folder))


_RULES: dict[Layout, Locate] = {
    "clip-folders": _clip_folders,
    "vimeo-septuplet": _vimeo_septuplet,
    "adobe240": _clip_folders,
    "frames": _frames,
    "procedural": _procedural,
}


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder, in natural order, without hidden things."""
    entries = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(entries, key=lambda path: natural(path.name))


def _has_images(folder: Path) -> bool:
    try:
        return bool(image_files(folder))
    except DataError:
        return True  # images of several kinds: a clip with a problem, which its reader names
