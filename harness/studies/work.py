"""What it takes to finish a job, and how it has ended: the part that one machine and a cluster have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from harness.records.store import ResultStore
from harness.studies.course import how_it_ended
from harness.studies.keep import log_tail
from harness.studies.plan import Job, StudyPlan
from harness.studies.probe import Probe
from harness.studies.state import State, state_of

STOPPED = 130
"""The exit code of a command that was asked to stop."""

STOPPING = "Stops: cells at work finish their step and keep a checkpoint. Ctrl-C again ends them at once."


@dataclass(frozen=True)
class Outcome:
    """How a job has ended.

    Args:
        job: which one.
        state: how far it is now.
        seconds: that this took.
        failed: why it is not done, in words; empty where it is, or was stopped.
        last_words: the end of its log, where it failed.
    """

    job: Job
    state: State
    seconds: float
    failed: str = ""
    last_words: tuple[str, ...] = ()


class Watcher(Protocol):
    """Somebody who is told how it goes."""

    def started(self, job: Job, where: str) -> None:
        """A job has begun."""

    def ended(self, outcome: Outcome) -> None:
        """A job is done, has failed, or was stopped."""

    def said(self, words: str) -> None:
        """Something worth a line."""

    def waited(self) -> None:
        """Time goes by."""


Told = Callable[[str], None]
"""Says something that is worth a line."""

Stop = Callable[[], bool]
"""Whether somebody has asked to stop."""


class Crew(Protocol):
    """Who runs the jobs of a study; a context manager."""

    slots: int
    """How many jobs at once."""

    title: str | None
    """Of the device, as records have it; None where it is not known."""

    environment: dict[str, str]
    """Variables that are set for the jobs."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def check(self, plan: StudyPlan) -> None:
        """Raise UsageError where jobs could not run for what is not there."""

    def device(self, index: int) -> str:
        """The --device of the job of this number, as far as it can be told before."""

    def probe(self, job: Job, told: Told) -> Probe | None:
        """Measure how fast a job is, saying so; None where that cannot be, or is not worth it."""

    def run(self, plan: StudyPlan, jobs: Sequence[Job], *, watcher: Watcher, stop: Stop) -> list[Outcome]:
        """Run the jobs; each ends as an outcome, and none stops another."""


def states(plan: StudyPlan, jobs: Sequence[Job] | None = None) -> list[State]:
    """How far the jobs of a study are."""
    runs = ResultStore(plan.results).runs()
    return [state_of(job, plan.wanted, runs) for job in (plan.jobs if jobs is None else jobs)]


def commands_of(job: Job, state: State, device: str) -> list[tuple[str, ...]]:
    """What is left to do of a job."""
    train = [] if state.trained else [job.train]
    return [(*command, "--device", device) for command in (*train, *(job.score[rate] for rate in state.unscored))]


def outcome_of(plan: StudyPlan, job: Job, code: int, *, seconds: float) -> Outcome:
    """How a job has ended whose commands ended with `code`: the disk decides.

    A run of a dataset that lacks clips exits with 1, and is as complete as it can be.
    """
    (state,) = states(plan, [job])
    if state.done or code == STOPPED:
        return Outcome(job, state, seconds)
    why = how_it_ended(code) if code else "its results are not those that were planned"
    return Outcome(job, state, seconds, why, log_tail(job.log))
