"""A dataset, opened: which of its clips are here, and what is wrong with the others, before any frame is decoded.

Only names and headers are read. A clip that lacks frames or has another size than the manifest says is a problem and
not among the clips; whether the pixels are the published ones shows when they are decoded (`Clip.check_pixels`).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from harness.cards.dataset import ClipEntry, DatasetCard, ListEntry, Manifest
from harness.clips.clip import Clip
from harness.clips.layouts import Located, below, locate
from harness.clips.procedural import ProceduralFrames, demo_clip_specs, demo_mix_specs
from harness.clips.readers import ProceduralReader, open_reader
from harness.errors import DataError

__all__ = ["Benchmark", "Clip", "Problem", "open_benchmark"]


@dataclass(frozen=True)
class Problem:
    """Why a clip cannot be used, and what to do. As text: one line."""

    clip: str
    kind: Literal["missing", "damaged", "count", "size", "pixels"]
    wrong: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.clip}: {self.wrong}" + (f" ({self.todo})" if self.todo else "")


@dataclass(frozen=True)
class Benchmark:
    """The clips of a dataset.

    Attributes:
        card: the dataset.
        clips: those that are present and plausible, in the benchmark's order.
        expected: the names of all clips of the benchmark.
        problems: one for every expected clip that is not in `clips`.
        located: where the dataset lies; None where it lies in the program.
    """

    card: DatasetCard
    clips: tuple[Clip, ...]
    expected: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    located: Located | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the clips that are not here at all."""
        return tuple(problem.clip for problem in self.problems if problem.kind == "missing")

    @property
    def extra(self) -> tuple[str, ...]:
        """What lies among the clips and belongs to no clip of the benchmark."""
        return () if self.located is None else self.located.extra


def open_benchmark(card: DatasetCard, manifest: Manifest, *, data_root: Path) -> Benchmark:
    """Find a dataset and look at every clip's names and headers.

    Args:
        card: the dataset.
        manifest: its pinned content (`CardLibrary.manifest`).
        data_root: where datasets lie.

    Raises:
        DataError: nothing of the dataset is here, or its list is missing or not the official one.
    """
    if card.layout == "procedural":
        return _procedural(card, manifest)
    candidates = [below(data_root, folder) for folder in card.folders]
    if not any(folder.is_dir() for folder in candidates):
        raise nothing_here(card, candidates)
    names = tuple(manifest.clips) if manifest.list is None else _read_list(card, manifest.list, candidates)
    located = locate(card.layout, candidates, names)
    if located is None:
        raise nothing_here(card, candidates)
    expected = names or tuple(located.sources)
    looked = [_look(name, manifest.entry(name), card, located) for name in expected]
    return Benchmark(
        card=card,
        clips=tuple(found for found in looked if isinstance(found, Clip)),
        expected=expected,
        problems=tuple(found for found in looked if isinstance(found, Problem)),
        located=located,
    )


def nothing_here(card: DatasetCard, candidates: Iterable[Path]) -> DataError:
    """No clip of a dataset was found: says where it was looked for and where it can be had."""
    return DataError(
        f"The dataset '{card.name}' ({card.title}) is wanted.",
        found="no clip of it in " + ", ".join(dict.fromkeys(str(folder) for folder in candidates)),
        todo=card.download.strip() or "give --data-root (or HARNESS_DATA) the folder that holds it.",
    )


def _procedural(card: DatasetCard, manifest: Manifest) -> Benchmark:
    specs = demo_clip_specs(card.speed) if card.speed and card.speed != "mixed" else demo_mix_specs()
    clips = tuple(
        Clip(
            spec.name,
            ProceduralReader(ProceduralFrames(spec)),
            scale=card.scale,
            source_scale=card.source_scale,
            expected_pixels=manifest.entry(spec.name).pixels,
        )
        for spec in specs
    )
    return Benchmark(card, clips, tuple(clip.name for clip in clips))


def _read_list(card: DatasetCard, wanted: ListEntry, candidates: list[Path]) -> tuple[str, ...]:
    """The benchmark's clip names from the user's copy of the official list."""
    places = [place for folder in candidates if folder.is_dir() for place in (folder, folder.parent)]
    files = list(dict.fromkeys(below(place, wanted.file) for place in places))
    official = f"{wanted.entries} entries, sha256 of its lines {wanted.sha256[:12]}…"
    found: dict[Path, str] = {}
    for path in files:
        if not path.is_file():
            continue
        try:
            lines = tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
        except (OSError, ValueError) as error:
            found[path] = str(error)
            continue
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        if (len(lines), digest) == (wanted.entries, wanted.sha256):
            return _safe_names(path, lines)
        found[path] = f"{len(lines)} entries, sha256 {digest[:12]}…"
    if not found:
        raise DataError(
            f"'{card.name}' needs its official list {wanted.file} ({official}).",
            found="no such file in " + ", ".join(dict.fromkeys(str(path.parent) for path in files)),
            todo=card.download.strip(),
        )
    raise DataError(
        f"'{card.name}' needs the official list {wanted.file}: {official}.",
        found="; ".join(f"{path}: {words}" for path, words in found.items()),
        todo="the list is not the official one, or was cut short; get it again.\n" + card.download.strip(),
    )


def _safe_names(path: Path, lines: tuple[str, ...]) -> tuple[str, ...]:
    for line in lines:
        if PurePosixPath(line).is_absolute() or ".." in PurePosixPath(line).parts or "\\" in line:
            raise DataError(f"{path}: clip names stay inside the dataset.", found=line)
    return lines


def _look(name: str, entry: ClipEntry, card: DatasetCard, located: Located) -> Clip | Problem:
    """Open one clip as far as its headers."""
    if name not in located.sources:
        return Problem(name, "missing", "missing", "`harness data` says where it can be had")
    try:
        reader = open_reader(located.sources[name])
        height, width = reader.size
        count = len(reader)
    except DataError as error:
        return Problem(name, "damaged", " ".join((error.what, error.found)).strip(), error.todo)
    if entry.frames not in (None, count):
        return Problem(name, "count", f"{count} frames, not {entry.frames}{_gap(reader.names)}", "copy it again")
    if entry.height not in (None, height) or entry.width not in (None, width):
        turned = (entry.height, entry.width) == (width, height)
        return Problem(
            name,
            "size",
            f"frames of {width}x{height}, not {entry.width}x{entry.height}",
            "they lie on their side: extract them without applying rotation metadata" if turned else "copy it again",
        )
    lr_folder = located.lr_folder(name, scale=card.scale)
    clip = Clip(name, reader, card.scale, card.source_scale, entry.pixels, lr_folder)
    if not clip.height or not clip.width:
        smallest = card.scale * card.source_scale
        return Problem(name, "size", f"frames of {width}x{height}, smaller than {smallest}x{smallest}")
    return clip


def _gap(names: Iterable[str]) -> str:
    """Which numbers are left out in the frames' names, in words; "" where none is, or there are no numbers."""
    matches = [re.search(r"([0-9]+)[^0-9]*$", name) for name in names]
    numbers = {int(match[1]) for match in matches if match}
    if len(numbers) < len(matches):
        return ""
    gaps = sorted(set(range(min(numbers), max(numbers) + 1)) - numbers)
    if not gaps or len(gaps) > len(numbers):
        return ""
    return f"; number {', '.join(map(str, gaps[:5]))}{' …' if len(gaps) > 5 else ''} left out"
