"""The dataset card: what methods are compared on, with its manifest.

A benchmark is a dataset and a protocol. The manifest pins what the dataset is: clip names, frame counts,
sizes, and, where known, a SHA-256 over the decoded RGB pixels, so that a lossless re-encoding still counts
as the same data.
"""

from typing import Literal

from pydantic import Field

from harness.cards.base import Card, Citation, Model, Name, RelativeFolder, RelativePath

Layout = Literal["clip-folders", "vimeo-septuplet", "adobe240", "procedural", "frames"]


class ClipEntry(Model):
    """What the manifest knows of one clip. `pixels`: SHA-256 over all frames' uint8 RGB bytes in order."""

    frames: int | None = Field(default=None, ge=1)
    width: int | None = Field(default=None, ge=1)
    height: int | None = Field(default=None, ge=1)
    pixels: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class ListEntry(Model):
    """An official list of clip names that the user's copy of the data must carry unchanged."""

    file: RelativePath
    entries: int = Field(ge=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="over the stripped, non-empty lines joined by \\n")


class Manifest(Model):
    """The pinned content of a dataset. `default` applies to every clip that `clips` says nothing else of."""

    default: ClipEntry = ClipEntry()
    clips: dict[RelativePath, ClipEntry] = {}
    list: ListEntry | None = None

    def entry(self, clip: str) -> ClipEntry:
        """What is known of one clip, the default included."""
        own = self.clips.get(clip, ClipEntry())
        return self.default.model_copy(update=own.model_dump(exclude_unset=True))


class DatasetCard(Card):
    """A benchmark dataset: layout on disk, manifest, default protocol, where to get it."""

    layout: Layout
    folders: tuple[RelativeFolder, ...] = Field(
        default=(), description="candidates under the data root, in order; '.' is the root itself"
    )
    manifest: RelativePath | None = Field(default=None, description="JSON file beside the card")
    protocol: Name = "tmnet"
    scale: int = Field(default=4, ge=1, le=16)
    source_scale: int = Field(default=1, ge=1, description="Adobe240: HR is the source frame divided by this")
    speed: Literal["mixed", "fast", "medium", "slow"] | None = Field(default=None, description="procedural only")
    download: str = Field(default="", description="where and how to get the data, for people")
    licence: str = ""
    citation: tuple[Citation, ...] = ()
