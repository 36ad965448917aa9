"""What a run leaves behind. Read this page to write a plot or a report.

One folder a run, below `results/runs/`:

    run.json        `RunHeader`: what was run; its `key` names the content, not the moment
    clips.jsonl     a `ClipLine` a clip, append-only; frame scores, the only thing measured
    sessions.jsonl  a `Session` a command that worked on the run: provenance and times
    samples/        the frames of the comparison picture (PNG)
    frames/         all upscaled frames (PNG), with --save-frames

`run.json` and `clips.jsonl` hold nothing that differs between two undisturbed runs of the same key; moments,
hosts and durations are in `sessions.jsonl`. The paper's numbers are `ReportedLine`s in `results/reported/*.jsonl`.
"""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from harness.cards.base import Model
from harness.cards.method import LoadedWeights

SCHEMA_VERSION = 1


def _read_score(value: object) -> object:
    return float(value) if value in ("inf", "-inf") else value


def _write_score(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return str(value) if math.isinf(value) else value


Score = Annotated[float | None, BeforeValidator(_read_score), PlainSerializer(_write_score)]
"""A frame's score. null: undefined there (tOF of a first frame). "inf": PSNR of identical frames."""


class RunHeader(Model):
    """What was run: everything that decides the numbers."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["measured"] = "measured"
    key: str = Field(
        description="SHA-256 over all the rest but titles and how weights were trained, as canonical JSON"
    )
    method: str
    method_title: str
    method_card: dict[str, object] = Field(description="networks and options, overrides included; no prose")
    network_versions: dict[str, str]
    weights: tuple[LoadedWeights, ...] = ()
    untrained: bool = False
    dataset: str
    dataset_title: str
    dataset_card: dict[str, object] = Field(description="layout and scales")
    manifest_sha256: str
    clips: tuple[str, ...] = Field(description="the clips of the whole benchmark, in order")
    rate: int
    scale: int
    protocol: str
    average: str
    input_frames: int
    signature: str = Field(description="protocol and metric versions as one string")
    metrics: tuple[str, ...]
    precision: str
    device: str


class ClipLine(Model):
    """One clip of a run. A failed clip has an error and no scores; a later line of the same clip replaces it."""

    clip: str
    group: str = Field(default="", description="the top folder, for protocols that average over folders")
    status: Literal["done", "failed"]
    error: str | None = None
    source: str = Field(default="", description="SHA-256 of the clip's files: is it still the same clip?")
    pixels: str = Field(default="", description="SHA-256 of the decoded RGB frames")
    height: int | None = None
    width: int | None = None
    frames: tuple[int, ...] = Field(default=(), description="indices of the scored frames")
    given: tuple[bool, ...] = Field(
        default=(), description="true where the frame was an input, false where it was interpolated"
    )
    scores: dict[str, tuple[Score, ...]] = {}


class Session(Model):
    """One command that worked on a run: who, where, with what, how long."""

    command: str
    started: str
    ended: str = ""
    outcome: Literal["running", "complete", "failures", "interrupted", "error"] = "running"
    seconds: float = 0.0
    clips_done: int = 0
    precision_db: Score = Field(
        default=None,
        description="PSNR of one window of the run against the same window in fp32 on the same device; "
        '"inf": not a bit differs; null: the run is in fp32, or values left the range of its precision',
    )
    environment: dict[str, str] = Field(
        default={}, description="versions, git commit and dirty flag, GPU, host, seed"
    )


class ReportedLine(Model):
    """A number that a paper printed."""

    kind: Literal["reported"] = "reported"
    source: str
    table: str
    row: int
    name: str
    method: str
    rate: int
    dataset: str
    metric: Literal["psnr", "ssim", "fps"]
    value: float | None
    note: str = ""
