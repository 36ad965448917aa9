"""A few steps of a job, measured in a process of its own, where nothing is known of its speed.

On a CPU one crop is taken and the time multiplied by the batch; on a GPU the whole batch is, whose crops are computed
side by side. Nothing of it is kept.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.studies.course import Course
from harness.studies.plan import Job
from harness.training.folder import Folder, read_log

STEPS = 3
"""The first warms up and is not counted."""

WORTH = 10
"""A training of fewer than so many probes is not worth one."""


@dataclass(frozen=True)
class Probe:
    """What was measured.

    Args:
        step: seconds of a step of `batch` crops.
        batch: crops of a step.
        start: seconds until the first step.
        words: what was done.
    """

    step: float
    batch: int
    start: float
    words: str


def worth_a_probe(job: Job, device: str) -> bool:
    """Whether measuring is short beside the training."""
    return job.recipe.iterations * job.recipe.batch >= WORTH * STEPS * _batch(job, device)


def measure(job: Job, device: str) -> Probe | None:
    """Train a few steps in a folder that is thrown away. None where that fails; the job itself will say why."""
    batch = _batch(job, device)
    changes = {
        "iterations": STEPS,
        "batch": batch,
        "accumulate": min(job.recipe.accumulate, batch),
        "max_seconds": 0,
        "validation_clips": 0,
        "log_every": 1,
        "checkpoint_every": STEPS,
    }
    sets = [part for key, value in changes.items() for part in ("--set", f"recipe.{key}={value}")]
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place) / "probe")
        begin = time.monotonic()
        course = Course(
            [(*job.train, *sets, "--device", device, "--out", str(folder.path))], log=Path(place) / "probe.log"
        )
        try:
            while (code := course.poll()) is None:
                time.sleep(0.02)
        finally:
            course.kill()
        if code != 0:
            return None
        whole = time.monotonic() - begin
        at = _seconds(folder)
    if len(at) < STEPS:
        return None
    step = (at[-1] - at[0]) / (STEPS - 1)
    crops = "crop" if batch == 1 else "crops"
    words = f"{STEPS - 1} steps of {batch} {crops} of '{job.label}', measured on {device}"
    scaled = f"; times {job.recipe.batch} for a batch" if batch != job.recipe.batch else ""
    return Probe(step, batch, max(0.0, whole - at[-1]), words + scaled)


def _batch(job: Job, device: str) -> int:
    return job.recipe.batch if device.startswith("cuda") else 1


def _seconds(folder: Folder) -> Sequence[float]:
    lines = (line for line in read_log(folder.log) if line.get("event") == "losses")
    return [float(seconds) for line in lines if isinstance(seconds := line.get("seconds"), int | float)]
