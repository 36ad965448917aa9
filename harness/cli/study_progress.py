"""How a study goes, on stderr: a line when a cell ends, and on a terminal what is at work and how long it takes."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from harness.studies.estimate import Clock, Estimate, in_words
from harness.studies.plan import Job
from harness.studies.state import iteration_reached
from harness.studies.work import Outcome

_EVERY = 2.0  # seconds between two looks at what is at work


class StudyWatcher:
    """Tells how a study goes; use as a context manager.

    Args:
        estimate: of what is left to do.
        quiet: say nothing.
    """

    def __init__(self, estimate: Estimate, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._shows = self._console.is_terminal and not quiet
        self._clock = Clock(estimate)
        self._running: dict[str, tuple[Job, float]] = {}
        self._looked = 0.0

    def __enter__(self) -> Self:
        if self._shows:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shows:
            self._live.stop()

    def started(self, job: Job, where: str) -> None:
        """A cell has begun."""
        self._running[job.key] = job, time.monotonic()
        self.said(f"starts  {job.label} on {where}")

    def ended(self, outcome: Outcome) -> None:
        """A cell is done, has failed, or was stopped."""
        job = outcome.job
        self._running.pop(job.key, None)
        if outcome.state.done:
            self._clock.spent[job.key] = outcome.seconds
            left = self._left()
            self.said(f"done    {job.label} in {in_words(outcome.seconds)}{f'; {left}' if left else ''}")
        elif outcome.failed:
            self._clock.given_up.add(job.key)
            self.said(f"failed  {job.label}: {outcome.failed}", style="red")
            for line in outcome.last_words:
                self.said(f"        {line}")
            self.said(f"        log: {job.log}")
        else:
            self.said(f"stopped {job.label} ({outcome.state})")

    def said(self, words: str, *, style: str | None = None) -> None:
        """A line of its own."""
        self._console.print(escape(words), style=style, soft_wrap=True)

    def waited(self) -> None:
        """Look at what is at work, now and then."""
        now = time.monotonic()
        if not self._shows or now < self._looked + _EVERY:
            return
        self._looked = now
        lines = [
            f"        {job.label}: iteration {iteration_reached(job)} of {job.recipe.iterations}"
            for job, _ in self._running.values()
        ]
        left = self._left()
        done, every = len(self._clock.spent), len(self._clock.estimate.seconds)
        lines.append(f"        {done} of {every} done{f', {left}' if left else ''}")
        self._live.update(escape("\n".join(lines)), refresh=True)

    def _left(self) -> str:
        now = time.monotonic()
        left = self._clock.left({key: now - begin for key, (_, begin) in self._running.items()})
        return f"about {in_words(left)} left" if left else ""
