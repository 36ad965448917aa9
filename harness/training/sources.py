"""What is learned from: clips of a folder, of Vimeo-90K's training list, or procedural ones. No pixels are read here.

`--data` is `demo`, a Vimeo-90K septuplet root (a folder with sep_trainlist.txt and sequences/), or a folder with a
folder of frames (or a video) per clip. Some clips are held out for validation, evenly spaced over the list.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.clips.layouts import below, locate
from harness.clips.procedural import ProceduralFrames
from harness.clips.procedural.training import training_specs
from harness.clips.readers import FrameReader, ImageReader, ProceduralReader, open_reader
from harness.errors import DataError

DEMO = "demo"
VIMEO_LIST = "sep_trainlist.txt"
_VIMEO_SIZE = (256, 448)
_VIMEO_FRAMES = 7


@dataclass(frozen=True)
class SourceClip:
    """A clip to learn from.

    Args:
        name: of the clip.
        frames: how many it has.
        size: height and width of its frames, pixels.
        open: its reader.
    """

    name: str
    frames: int
    size: tuple[int, int]
    open: Callable[[], FrameReader]


@dataclass(frozen=True)
class Source:
    """All clips of `--data`.

    Args:
        kind: "demo", "vimeo-septuplet" or "folder".
        name: of the folder, without its path.
        clips: those that are learned from.
        held_out: those that validate.
        hash: hex sha256 of what `hash_of` says.
        hash_of: what was hashed: of Vimeo-90K, the list of clips, since hashing 80 GB would take an hour.
        missing: clips of the list that are not there.
    """

    kind: str
    name: str
    clips: tuple[SourceClip, ...]
    held_out: tuple[SourceClip, ...]
    hash: str
    hash_of: str
    missing: int = 0

    def describe(self) -> dict[str, object]:
        """What a training record keeps."""
        return {
            "kind": self.kind,
            "name": self.name,
            "clips": len(self.clips),
            "frames": sum(clip.frames for clip in self.clips),
            "held_out": [clip.name for clip in self.held_out],
            "missing": self.missing,
            "sha256": self.hash,
            "sha256_of": self.hash_of,
        }


def open_source(data: str, *, held_out: int, demo_clips: int) -> Source:
    """The clips of `--data`.

    Args:
        data: `demo` or a folder.
        held_out: how many clips validate; fewer where nothing would be left to learn from.
        demo_clips: how many procedural clips there are.

    Raises:
        DataError: no such folder, or no clips in it.
    """
    folder = Path(data)
    if data == DEMO:
        return _demo(demo_clips, held_out)
    if not folder.is_dir():
        raise DataError(
            f"--data {data}: 'demo', a folder of clips, or a Vimeo-90K root is wanted.",
            found="no such folder",
            todo="name a folder that holds a folder of frames per clip",
        )
    if (folder / VIMEO_LIST).is_file():
        return _vimeo(folder, held_out)
    return _folder(folder, held_out)


def _demo(count: int, held_out: int) -> Source:
    readers = [ProceduralReader(ProceduralFrames(spec)) for spec in training_specs(count)]
    names = [reader.frames.spec.name for reader in readers]
    clips = [_clip(name, reader) for name, reader in zip(names, readers, strict=True)]
    return _split("demo", DEMO, clips, held_out, _digest(reader.fingerprint() for reader in readers), "scenes")


def _folder(folder: Path, held_out: int) -> Source:
    located = locate("frames", [folder], ())
    if located is None:
        raise DataError(
            f"Clips are wanted in {folder}.",
            found="no folders of frames and no videos",
            todo="give every clip a folder of its own, with its frames as images",
        )
    readers = {name: open_reader(path) for name, path in located.sources.items()}
    clips = [_clip(name, reader) for name, reader in readers.items()]
    digest = _digest(f"{name}:{reader.fingerprint()}" for name, reader in readers.items())
    return _split("folder", folder.resolve().name, clips, held_out, digest, "files")


def _vimeo(folder: Path, held_out: int) -> Source:
    listed = [line.strip() for line in (folder / VIMEO_LIST).read_text(encoding="utf-8").splitlines()]
    names = [name for name in listed if name]
    home = below(folder, "sequences")
    there = [name for name in names if (home / name).is_dir()]
    if not there:
        raise DataError(
            f"The clips of {folder / VIMEO_LIST} are wanted in {home}.",
            found=f"none of {len(names)}",
            todo="unpack vimeo_septuplet.zip there",
        )
    clips = [SourceClip(name, _VIMEO_FRAMES, _VIMEO_SIZE, partial(ImageReader, home / name)) for name in there]
    missing = len(names) - len(there)
    return _split("vimeo-septuplet", folder.resolve().name, clips, held_out, _digest(there), "list", missing=missing)


def _clip(name: str, reader: FrameReader) -> SourceClip:
    return SourceClip(name, len(reader), reader.size, lambda: reader)


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part}\n".encode())
    return digest.hexdigest()


def _split(
    kind: str,
    name: str,
    clips: Sequence[SourceClip],
    held_out: int,
    digest: str,
    hash_of: str,
    *,
    missing: int = 0,
) -> Source:
    count = min(held_out, len(clips) - 1)
    aside = {int((index + 0.5) * len(clips) / count) for index in range(count)}
    learned = tuple(clip for index, clip in enumerate(clips) if index not in aside)
    kept = tuple(clips[index] for index in sorted(aside))
    return Source(kind, name, learned, kept, digest, hash_of, missing)
