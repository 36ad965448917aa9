"""The run: every clip of every cell, one line each; what is done stays done.

A killed run loses at most the clip that it was on; the same command continues. A failing clip is kept as a failed
line and does not stop the others; the next run of the same command tries it again.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

import torch

from harness.clips.clip import Clip
from harness.errors import RecordError
from harness.evaluation.clip import ClipScores, open_stream, upscale_clip
from harness.evaluation.distance import distances_db
from harness.evaluation.machine import environment
from harness.evaluation.memory import keep_frames_out_of_the_heap
from harness.evaluation.plan import Cell
from harness.evaluation.precision import check_precision
from harness.evaluation.samples import FrameSink
from harness.records.schema import ClipLine, Session
from harness.records.store import ResultStore, Run, RunWriter

SEED = 0


class Watcher(Protocol):
    """Who is told how the run goes: a progress bar, or nobody."""

    def start_cell(self, cell: Cell, frames: int) -> None:
        """A cell begins; so many frames are to be scored at most."""

    def advance(self, frames: int) -> None:
        """So many more frames are done."""

    def failed(self, clip: str, error: str) -> None:
        """A clip failed."""


@dataclass(frozen=True)
class Outcome:
    """How a cell ended."""

    run: Run
    done: int
    failed: int
    missing: int
    precision_db: float | None = None

    @property
    def complete(self) -> bool:
        """Every clip of what was asked for is done."""
        return not self.failed and not self.missing


def run_cell(
    cell: Cell,
    store: ResultStore,
    watcher: Watcher,
    *,
    command: str,
    limit: int | None = None,
    save_frames: bool = False,
) -> Outcome:
    """Run what is not done yet of one cell.

    Args:
        cell: the method on the benchmark.
        store: where its record goes.
        watcher: told about progress.
        command: the command line, for the record's sessions.
        limit: only the first so many clips of those that are here.
        save_frames: keep every upscaled frame as PNG.

    Raises:
        RecordError: the record cannot be written; what it held before is kept.
    """
    keep_frames_out_of_the_heap()
    clips = cell.benchmark.clips[:limit]
    missing = len(cell.header.clips) - len(clips) if limit is None else 0
    with store.open(cell.header) as writer:
        before = writer.run.lines
        watcher.start_cell(cell, sum(clip.frames for clip in clips))
        with _session(writer, command) as session:
            todo = {clip.name for clip in clips if not _is_done(before.get(clip.name), clip, writer, save_frames)}
            session.precision_db = _precision_distance(cell, [clip for clip in clips if clip.name in todo])
            for clip in clips:
                if clip.name in todo:
                    line = _attempt(cell, clip, writer, watcher, save_frames=save_frames)
                    writer.append(line)
                else:
                    line = before[clip.name]
                    watcher.advance(clip.frames)
                if line.status == "failed":
                    session.failed += 1
                    watcher.failed(clip.name, line.error or "")
                else:
                    session.done += 1
    return Outcome(writer.run, session.done, session.failed, missing, session.precision_db)


def _is_done(line: ClipLine | None, clip: Clip, writer: RunWriter, save_frames: bool) -> bool:
    if line is None or line.status != "done" or line.source != clip.source_fingerprint():
        return False
    folder = writer.folder / "frames" / clip.name
    return not save_frames or len(list(folder.glob("*.png"))) >= len(line.frames)


def _precision_distance(cell: Cell, clips: Sequence[Clip]) -> float | None:
    """How far the run's precision is from fp32, on the first window of the clips; None in fp32, or when it fails."""
    precision = check_precision(cell.header.precision)
    if precision == "fp32" or not clips:
        return None
    try:
        with open_stream(cell, clips[0]) as stream:
            lr_window = next(iter(stream)).lr.to(cell.built.device)
        return distances_db(cell.built.upscaler, lr_window, cell.header.rate, [precision])[precision]
    except Exception:  # the clip's own attempt will tell what is wrong with it
        return None


def _attempt(cell: Cell, clip: Clip, writer: RunWriter, watcher: Watcher, *, save_frames: bool) -> ClipLine:
    """One clip; any error of its own becomes its failed line. Errors of the record itself are raised."""
    torch.manual_seed(SEED)
    try:
        return _measure(cell, clip, writer, watcher, save_frames=save_frames)
    except RecordError:
        raise
    except Exception as error:  # whatever a network or a file does wrong concerns this clip alone
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        text = "; ".join(str(error).splitlines())[:500]
        return ClipLine(clip=clip.name, group=clip.group, status="failed", error=f"{type(error).__name__}: {text}")


def _measure(cell: Cell, clip: Clip, writer: RunWriter, watcher: Watcher, *, save_frames: bool) -> ClipLine:
    source = clip.source_fingerprint()
    scores = ClipScores.empty(cell.header.metrics)
    scoring = cell.scorer.start()
    first = not (writer.folder / "samples" / "samples.json").exists()
    sink = FrameSink(writer.folder, clip, sample=first, all_frames=save_frames)
    with open_stream(cell, clip) as stream:
        for scored in upscale_clip(cell, clip, stream):
            scores.add(scored, scoring(scored.prediction, scored.truth))
            sink.take(scored)
            watcher.advance(len(scored.frames))
        pixels = stream.pixels
    clip.check_pixels(pixels)
    sink.close()
    return scores.line(clip, source=source, pixels=pixels)


@dataclass
class _Count:
    done: int = 0
    failed: int = 0
    precision_db: float | None = None


@contextmanager
def _session(writer: RunWriter, command: str) -> Iterator[_Count]:
    """Logs who works on the run, from when to when, and how it ended."""
    count = _Count()
    started = datetime.now(UTC).isoformat(timespec="microseconds")
    begin = time.monotonic()
    opening = Session(command=command, started=started, environment={**environment(), "seed": str(SEED)})
    writer.log(opening)

    def close(outcome: Literal["complete", "failures", "interrupted", "error"]) -> None:
        ended = {
            "outcome": outcome,
            "ended": datetime.now(UTC).isoformat(timespec="microseconds"),
            "seconds": round(time.monotonic() - begin, 3),
            "clips_done": count.done,
            "precision_db": count.precision_db,
        }
        writer.log(opening.model_copy(update=ended))

    try:
        yield count
    except KeyboardInterrupt:
        close("interrupted")
        raise
    except RecordError:
        raise  # the record cannot be written: nor can this
    except BaseException:
        close("error")
        raise
    close("failures" if count.failed else "complete")
