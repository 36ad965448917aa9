"""How far a job is, read from what lies on disk: its training's folder and the runs of its weights.

Nothing else is kept, so nothing can disagree with the disk: a cell that was run by hand, or that a killed command has
finished after all, counts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.networks.state import sha256_of
from harness.records.store import Run
from harness.studies.plan import Job, WantedRun
from harness.training.checkpoint import progress_of
from harness.training.folder import Folder

_TAIL = 4096  # bytes in which the last line of a log lies


@dataclass(frozen=True)
class State:
    """How far a job is.

    Args:
        trained: whether its weights are there.
        iteration: that of its checkpoint; 0 without one.
        seconds: that it has trained until its checkpoint.
        unscored: the rates at which a run is missing or not complete.
    """

    trained: bool
    iteration: int
    seconds: float
    unscored: tuple[int, ...]

    @property
    def done(self) -> bool:
        """Nothing is left to do."""
        return self.trained and not self.unscored

    def __str__(self) -> str:
        if self.trained:
            return "to be scored" if self.unscored else "done"
        return f"continues at iteration {self.iteration}" if self.iteration else "new"


def state_of(job: Job, wanted: Sequence[WantedRun], runs: Sequence[Run]) -> State:
    """How far `job` is. `runs` are all of the results folder."""
    folder = Folder(job.folder)
    if not (folder.weights.is_file() and _key(folder.record) == job.key):
        return State(False, *progress_of(folder.checkpoint), unscored=tuple(job.score))
    digest = sha256_of(folder.weights)
    own = [run for run in runs if any(weights.sha256 == digest for weights in run.header.weights)]
    unscored = [
        rate
        for rate in job.score
        if not all(any(_answers(run, one) for run in own) for one in wanted if one.header.rate == rate)
    ]
    return State(True, *progress_of(folder.checkpoint), unscored=tuple(unscored))


def iteration_reached(job: Job) -> int:
    """The iteration of the last line of a training's log, while it is at work; 0 without one."""
    log = Folder(job.folder).log
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read().splitlines()
        return next((int(json.loads(line)["iteration"]) for line in reversed(lines) if line.endswith(b"}")), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _key(record: Path) -> str:
    """The key of a training by its record; empty where there is none that can be read."""
    try:
        return str(json.loads(record.read_bytes())["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _answers(run: Run, wanted: WantedRun) -> bool:
    """The run is the wanted one, and has all clips."""
    same = ("dataset", "manifest_sha256", "rate", "protocol", "metrics", "precision")
    if any(getattr(run.header, name) != getattr(wanted.header, name) for name in same):
        return False
    return all((line := run.lines.get(clip)) is not None and line.status == "done" for clip in wanted.clips)
