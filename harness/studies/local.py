"""Jobs on this machine: one at a time on every device that is named, as often as it is named."""

import os
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

import torch

from harness.errors import UsageError
from harness.evaluation.machine import usable_cores
from harness.evaluation.precision import device_title, find_device
from harness.studies.course import Course
from harness.studies.plan import Job, StudyPlan
from harness.studies.probe import Probe, measure, worth_a_probe
from harness.studies.work import STOPPED, STOPPING, Outcome, Stop, Told, Watcher, commands_of, outcome_of, states

_TICK = 0.05  # seconds between two looks


class Machine:
    """Jobs on this machine.

    Args:
        devices: by name; one that is named twice takes two jobs at once.

    Raises:
        UsageError: one of them is not there.
    """

    def __init__(self, devices: Sequence[str] = ()) -> None:
        self.devices = tuple(_device(name) for name in devices or ("auto",))
        self.environment = _shared(self.devices)
        self.slots = len(self.devices)
        self.title: str | None = device_title(torch.device(self.devices[0]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left behind: `run` has ended what it started."""

    def __str__(self) -> str:
        return " and ".join(self.devices)

    def check(self, plan: StudyPlan) -> None:
        """There is nothing that could be elsewhere."""

    def device(self, index: int) -> str:
        """Where the job of this number would go if all took equally long."""
        return self.devices[index % self.slots]

    def probe(self, job: Job, told: Told) -> Probe | None:
        """Measure a few steps of a job, where that is short beside the job."""
        device = self.devices[0]
        if not worth_a_probe(job, device):
            return None
        told(f"Measures a few steps of '{job.label}' on {device}: nothing is known of its speed here.")
        return measure(job, device)

    def run(self, plan: StudyPlan, jobs: Sequence[Job], *, watcher: Watcher, stop: Stop) -> list[Outcome]:
        """Run jobs, each on the next device that is free. A job that fails stops no other.

        Args:
            plan: the study.
            jobs: those that are not done, in order.
            watcher: is told how it goes.
            stop: asked again and again; when it says so, jobs finish their step and no other is started.

        Raises:
            KeyboardInterrupt: asked to stop twice; everything has been ended at once.
        """
        waiting, outcomes, stopping = list(jobs), list[Outcome](), False
        running: dict[int, _Running] = {}
        try:
            while running or (waiting and not stopping):
                if not stopping and stop():
                    stopping = True
                    watcher.said(STOPPING)
                    for one in running.values():
                        one.course.interrupt()
                for slot in range(self.slots):
                    if slot not in running and waiting and not stopping:
                        running[slot] = self._start(plan, waiting.pop(0), self.devices[slot], watcher)
                for slot, one in list(running.items()):
                    code = one.course.poll()
                    if code is not None:
                        del running[slot]
                        seconds = time.monotonic() - one.begin
                        outcomes.append(outcome_of(plan, one.job, STOPPED if stopping else code, seconds=seconds))
                        watcher.ended(outcomes[-1])
                watcher.waited()
                time.sleep(_TICK)
        finally:
            for one in running.values():
                one.course.kill()
        return outcomes

    def _start(self, plan: StudyPlan, job: Job, device: str, watcher: Watcher) -> "_Running":
        watcher.started(job, device)
        commands = commands_of(job, states(plan, [job])[0], device)
        return _Running(job, Course(commands, log=job.log, environment=self.environment), time.monotonic())


class _Running(NamedTuple):
    job: Job
    course: Course
    begin: float


def _device(name: str) -> str:
    """`auto` resolved. GPUs are counted and not touched: their memory, all of it, is for the jobs."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] != "cuda":
        return str(find_device(name))
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    number = name.partition(":")[2] or "0"
    if not number.isdecimal() or int(number) >= there:
        raise UsageError(
            f"The device '{name}' cannot be used.",
            found=f"{there} GPUs",
            todo="use --device cpu, or see `harness doctor`.",
        )
    return name


def _shared(devices: Sequence[str]) -> dict[str, str]:
    """What jobs are told so that they do not fight: several on the CPU share its cores."""
    together = sum(device == "cpu" for device in devices)
    if together < 2 or "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, usable_cores() // together))}
