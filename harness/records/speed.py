"""Speed records: how long one method took on one machine, every round of it.

One JSON file a measurement below `results/speed/`, never rewritten. Durations are milliseconds per HR frame that a
window gives, round by round; medians, quartiles and ratios are derived. Durations of different machines are not
compared unless somebody asks for it by name.
"""

import statistics
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, ValidationError

from harness.cards.base import Model
from harness.cards.validation import explain
from harness.errors import RecordError, UsageError
from harness.files import whole_file

SPEED_SCHEMA_VERSION = 1
Figure = Literal["whole", "without_flow", "with_io"]


class Spread(NamedTuple):
    """The middle of a sample and its quartiles."""

    median: float
    low: float
    high: float


class SpeedSetup(Model):
    """What was asked for: durations are comparable only where this is equal."""

    width: int = Field(gt=0, description="of an HR frame, pixels")
    height: int = Field(gt=0)
    scale: int = Field(gt=0)
    rate: int = Field(gt=0)
    input_frames: int = Field(gt=0, description="frames of one window")
    precision: str
    device: str = Field(description="cpu, or the GPU's own name")

    @property
    def output_frames(self) -> int:
        """HR frames that one window gives."""
        return (self.input_frames - 1) * self.rate + 1

    def __str__(self) -> str:
        return (
            f"{self.width}x{self.height} HR · scale {self.scale} · rate {self.rate} · "
            f"window {self.input_frames} -> {self.output_frames} frames · {self.precision} · {self.device}"
        )


class SpeedRecord(Model):
    """One method, measured once."""

    schema_version: int = SPEED_SCHEMA_VERSION
    kind: Literal["speed"] = "speed"
    session: str = Field(description="methods of one session took turns, round by round")
    measured: str = Field(description="UTC, ISO 8601")
    command: str = ""
    method: str
    method_card: dict[str, object] = Field(description="networks and options, overrides included; no prose")
    network_versions: dict[str, str]
    setup: SpeedSetup
    warmup: int = Field(description="rounds before these, thrown away")
    whole_ms: tuple[float, ...] = Field(min_length=1, description="flow and network, per HR frame")
    without_flow_ms: tuple[float, ...] = Field(
        min_length=1, description="flows given; as whole_ms where there are none"
    )
    with_io_ms: tuple[float, ...] = Field(min_length=1, description="and PNG decoding, transfers, PNG encoding")
    stages_ms: dict[str, tuple[float, ...]] = Field(
        default={}, description="of a two-stage method, each stage by itself, per HR frame of the whole"
    )
    has_flow: bool = Field(description="whether the method has a flow of its own to leave out")
    parameters: int
    flops: int = Field(description="per HR frame; convolutions and matrix products, a multiply-add counts as two")
    peak_memory_bytes: int | None = Field(
        default=None, description="weights and the most that one window takes beside them; None: cannot be told"
    )
    state: dict[str, str] = Field(default={}, description="load of the machine just before")
    environment: dict[str, str]

    @property
    def machine(self) -> str:
        """The machine in one line; equal for durations that may be compared."""
        facts = [self.environment.get(key, "") for key in ("host", "cpu", "gpu")]
        threads = f"{self.environment.get('torch_threads', '?')} threads"
        return " · ".join(fact for fact in (*facts, threads) if fact)

    def rounds(self, figure: Figure = "whole") -> tuple[float, ...]:
        """Milliseconds per HR frame of every round."""
        return {"whole": self.whole_ms, "without_flow": self.without_flow_ms, "with_io": self.with_io_ms}[figure]

    def spread(self, figure: Figure = "whole") -> Spread:
        """Median and quartiles of `rounds`."""
        return spread(self.rounds(figure))

    @property
    def frames_per_second(self) -> float:
        """HR frames a second, flow and network, without I/O."""
        return 1000 / self.spread().median

    @property
    def frames_per_second_without_flow(self) -> float:
        """HR frames a second where the flows are given; as `frames_per_second` where there are none."""
        return 1000 / self.spread("without_flow").median

    def ratio_to(self, other: "SpeedRecord") -> Spread:
        """How many times as long as `other` this took.

        In one session the rounds are paired, and the quartiles are those of the paired ratios. Otherwise it is the
        ratio of the medians, and quartiles are those that the two spreads allow at most.
        """
        if self.session == other.session and len(self.whole_ms) == len(other.whole_ms):
            return spread([mine / theirs for mine, theirs in zip(self.whole_ms, other.whole_ms, strict=True)])
        mine, theirs = self.spread(), other.spread()
        return Spread(mine.median / theirs.median, mine.low / theirs.high, mine.high / theirs.low)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles of a sample, interpolated linearly as numpy does. One value is its own quartiles."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def save_speed(record: SpeedRecord, results: Path) -> Path:
    """Put one measurement below `results/speed/`, in a file of its own. Raises RecordError (full, read-only)."""
    folder = results / "speed"
    moment = record.measured[:19].replace(":", "").replace("-", "")
    path = folder / f"{moment}Z--{record.method}--{uuid.uuid4().hex[:8]}.json"
    try:
        with whole_file(path) as file:
            file.write((record.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise RecordError(
            f"The speed record {path} cannot be written.",
            found=error.strerror or str(error),
            todo="make room or give another folder with --results; nothing else was touched.",
        ) from error
    return path


def read_speed(results: Path) -> tuple[SpeedRecord, ...]:
    """All speed records below `results`, oldest first. Raises RecordError naming a damaged file."""
    records = []
    for path in sorted((results / "speed").glob("*.json")):
        try:
            records.append(SpeedRecord.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as error:
            found = explain(error, SpeedRecord) if isinstance(error, ValidationError) else str(error)
            raise RecordError(
                f"{path} is not a speed record.", found=found.partition("; ")[0], todo="move that file away."
            ) from error
    return tuple(sorted(records, key=lambda record: record.measured))


def latest(records: Iterable[SpeedRecord]) -> tuple[SpeedRecord, ...]:
    """The newest record of every method, setup and machine; `records` come oldest first."""
    return tuple({(record.method, str(record.setup), record.machine): record for record in records}.values())


def refuse_mixed_machines(records: Iterable[SpeedRecord]) -> None:
    """Raises UsageError when durations of more than one machine would stand side by side."""
    machines = sorted({record.machine for record in records})
    if len(machines) > 1:
        raise UsageError(
            "Durations of different machines are not compared.",
            found="records of " + "; ".join(machines),
            todo="measure both here (harness speed --method A --method B), or say --across-machines.",
        )
