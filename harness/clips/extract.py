"""Adobe240 from its videos: every decoded frame as 0.png, 1.png, ..., a folder per video, as the papers extract it.

Source: the data scripts of TMNet and VideoINR (OpenCV's VideoCapture, every frame, PNG); see `videos` about rotation.
A folder appears under its name only when it is complete; one that exists already is left alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.cards.dataset import DatasetCard, Manifest
from harness.clips.images import natural
from harness.clips.layouts import below, locate
from harness.clips.prepare import png_bytes, sweep, write_whole, writing
from harness.clips.readers import VideoReader
from harness.clips.videos import is_video
from harness.errors import DataError


@dataclass(frozen=True)
class Extraction:
    """One video whose frames are wanted, and the folder that they go to."""

    clip: str
    video: Path
    folder: Path


def wanted_extractions(card: DatasetCard, manifest: Manifest, *, data_root: Path) -> tuple[Extraction, ...]:
    """The videos of a dataset whose frames are not there yet.

    Videos are looked for anywhere below the dataset's folders; frames go where the first candidate folder of the
    card is. A clip whose frames any candidate folder holds already is not extracted again.

    Raises:
        DataError: two videos for one clip.
    """
    candidates = [below(data_root, folder) for folder in card.folders]
    located = locate(card.layout, candidates, tuple(manifest.clips))
    target = candidates[0] if located is None else next(iter(located.sources.values())).parent
    videos = _videos(dict.fromkeys(below(data_root, PurePosixPath(folder).parts[0]) for folder in card.folders))
    wanted = []
    for clip in manifest.clips:
        found = videos.get(clip.casefold(), [])
        if not found or (located is not None and clip in located.sources):
            continue
        if len(found) > 1:
            raise DataError(
                f"One video of '{clip}' is wanted.",
                found=", ".join(map(str, found)),
                todo="move the others away.",
            )
        wanted.append(Extraction(clip, found[0], target / clip))
    return tuple(wanted)


def extract(task: Extraction, *, on_frame: Callable[[], None] | None = None) -> int:
    """Write all frames of a video; goes on where an earlier run stopped. Returns how many there are.

    Raises:
        DataError: the video is damaged, the folder exists, or it cannot be written.
    """
    if task.folder.exists():
        raise DataError(f"{task.folder} is to be made of {task.video.name}.", found="it exists; it is left alone")
    reader = VideoReader(task.video)
    # The source's hash in the name: frames of another file are never mixed in when an extraction goes on.
    unfinished = task.folder.with_name(f".{task.folder.name}.{reader.fingerprint()[:12]}.part")
    count = 0
    with writing(task.folder):
        unfinished.mkdir(parents=True, exist_ok=True)
        for count, pixels in enumerate(reader.read(), start=1):
            path = unfinished / f"{count - 1}.png"
            if not path.exists():
                write_whole(path, png_bytes(pixels))
            if on_frame is not None:
                on_frame()
        sweep(unfinished)
        unfinished.rename(task.folder)
    return count


def _videos(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """Video files anywhere below some folders, by their name without ending, in small letters."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*"), key=lambda path: natural(str(path))):
            if is_video(path):
                found.setdefault(path.stem.casefold(), []).append(path)
    return found
