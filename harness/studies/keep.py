"""study.json: written before the first cell runs, and held while cells run."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import RecordError, UsageError
from harness.records.study import FILE, Study, read_study, studies
from harness.studies.plan import StudyPlan
from harness.training.export import write_whole


def kept_study(plan: StudyPlan) -> Study:
    """The study as it is to be kept: the one that is planned, or the larger one of which it is a part.

    The same command with more seeds, rows or datasets makes a study larger.

    Raises:
        UsageError: the folder holds a study of other cells.
    """
    if plan.study.name not in studies(plan.results):
        return plan.study
    old, new = read_study(plan.study.name, plan.results), plan.study
    before, now = ({(study.rows[cell.row].name, cell.key) for cell in study.cells} for study in (old, new))
    if not (before <= now or now <= before):
        raise UsageError(
            f"There is another study '{new.name}' already.",
            found=f"{len(before - now)} of its {len(before)} cells are not among these {len(now)}: "
            f"{_difference(old, new)}",
            todo=f"give this one another --name, or remove {plan.folder} (its trainings and runs stay)",
        )
    larger = old if now < before else new
    datasets = tuple(dict.fromkeys((*old.datasets, *new.datasets)))
    return larger.model_copy(update={"datasets": datasets})


@contextmanager
def held(plan: StudyPlan) -> Iterator[None]:
    """Write the study, and keep others from running it.

    Raises:
        RecordError: somebody runs it, or it cannot be written.
    """
    logs = plan.folder / "logs"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        lock = os.open(plan.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RecordError(
            f"{plan.folder} cannot be written.", found=error.strerror or str(error), todo="choose another --results"
        ) from error
    try:
        _lock(lock, plan.study.name)
        write_whole(plan.folder / FILE, (kept_study(plan).model_dump_json(indent=1) + "\n").encode())
        yield
    finally:
        os.close(lock)


def _lock(lock: int, name: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecordError(
            f"The study '{name}' is being run by another process.",
            todo="wait for it or stop it; the same command then continues.",
        ) from error


def log_tail(log: Path, *, most: int = 4) -> tuple[str, ...]:
    """What the last command in a log says of its failure: its error, else clips that failed, else its last lines."""
    if not log.is_file():
        return ()
    text = log.read_text(encoding="utf-8", errors="replace").rpartition("\n$ ")[2]
    lines = [line.rstrip() for line in text.splitlines()[1:] if line.strip()]
    errors = [index for index, line in enumerate(lines) if line.startswith("Error: ")]
    if errors:
        return tuple(lines[errors[-1] :])
    clips = [line for line in lines if line.startswith("failed ")]
    return tuple(clips[:most] or lines[-most:])


def _difference(old: Study, new: Study) -> str:
    if old.budget != new.budget:
        return f"it is {old.budget}, this one {new.budget}"
    if {row.name for row in old.rows} != {row.name for row in new.rows}:
        return "other rows"
    return "other first weights, another seed, or another version of a network"
