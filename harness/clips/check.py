"""`harness data check`: decode every frame and say, clip by clip, what is right and what is wrong.

A clip is *proven* when the hash of its decoded pixels is the manifest's: files may be renamed or re-encoded without
loss. It is *plausible* when names, number, size and every single frame are in order and no hash is known. Everything
else is wrong, with a reason.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from harness.clips.benchmark import Benchmark, Clip, Problem
from harness.errors import DataError

Status = Literal["proven", "plausible", "wrong", "missing"]


@dataclass(frozen=True)
class ClipReport:
    """What became of one clip. `height` and `width` are the source frames'; `pixels` is their hash."""

    clip: str
    status: Status
    frames: int | None = None
    height: int | None = None
    width: int | None = None
    pixels: str | None = None
    wrong: str = ""
    todo: str = ""


@dataclass(frozen=True)
class DataReport:
    """What became of a dataset."""

    dataset: str
    folder: str
    clips: tuple[ClipReport, ...]
    extra: tuple[str, ...] = field(default=())

    def having(self, status: Status) -> tuple[ClipReport, ...]:
        """The clips of one status, in the benchmark's order."""
        return tuple(report for report in self.clips if report.status == status)

    @property
    def right(self) -> bool:
        """Every clip is here and nothing is wrong with any. What is extra does no harm."""
        return not self.having("wrong") and not self.having("missing")


def check_benchmark(
    benchmark: Benchmark, *, workers: int | None = None, on_clip: Callable[[ClipReport], None] | None = None
) -> DataReport:
    """Decode all clips that are here.

    Args:
        benchmark: from `open_benchmark`, which has looked at names and headers already.
        workers: clips decoded at the same time; as many as there are cores by default.
        on_clip: told about every clip that is decoded.
    """
    reports = {problem.clip: _told(problem) for problem in benchmark.problems}
    for report in _decode_all(benchmark.clips, workers or min(os.cpu_count() or 1, 16)):
        reports[report.clip] = report
        if on_clip is not None:
            on_clip(report)
    return DataReport(
        dataset=benchmark.card.name,
        folder="" if benchmark.located is None else str(benchmark.located.folder),
        clips=tuple(reports[name] for name in benchmark.expected),
        extra=benchmark.extra,
    )


def check_clip(clip: Clip) -> ClipReport:
    """Decode one clip; whatever is wrong with it is in the report."""
    try:
        pixels = clip.pixel_hash()
        clip.check_pixels(pixels)
    except DataError as error:
        return ClipReport(clip.name, "wrong", wrong=" ".join((error.what, error.found)).strip(), todo=error.todo)
    height, width = clip.reader.size
    status: Status = "plausible" if clip.expected_pixels is None else "proven"
    return ClipReport(clip.name, status, clip.frames, height, width, pixels)


def _decode_all(clips: tuple[Clip, ...], workers: int) -> Iterator[ClipReport]:
    pool = ThreadPoolExecutor(workers)  # decoders and hashes work outside Python's lock
    try:
        yield from pool.map(check_clip, clips)
    finally:
        pool.shutdown(cancel_futures=True)


def _told(problem: Problem) -> ClipReport:
    status: Status = "missing" if problem.kind == "missing" else "wrong"
    return ClipReport(problem.clip, status, wrong=problem.wrong, todo=problem.todo)
