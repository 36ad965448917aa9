"""How long a study takes, from what is known of its cells, and where that is known from.

In this order: earlier trainings of the same network with the same batches on the same device; the recipe's
`max_seconds`, which is a limit; a probe, see `probe`. Scoring is known from earlier runs of the same network.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.records.store import ResultStore, Run
from harness.studies.history import Known, cost_of, known_trainings
from harness.studies.plan import Job, StudyPlan
from harness.studies.probe import Probe
from harness.studies.state import State
from harness.studies.work import Crew, Told

LIMIT = "recipe.max_seconds, a limit"


@dataclass(frozen=True)
class Estimate:
    """What is left to do.

    Args:
        seconds: of each job by key, training and scoring; None: nothing is known. Jobs that are done are not named.
        slots: how many run at once.
        sources: where the numbers come from, and what is not in them.
    """

    seconds: Mapping[str, float | None]
    slots: int
    sources: tuple[str, ...] = ()

    @property
    def total(self) -> float | None:
        """Seconds until all is done; None where a job's are not known."""
        known = [value for value in self.seconds.values() if value is not None]
        if len(known) < len(self.seconds):
            return None
        return max([sum(known) / max(1, min(self.slots, len(known))), *known], default=0.0)


def estimate(
    plan: StudyPlan,
    states: Sequence[State],
    *,
    crew: Crew,
    told: Told = lambda words: None,
) -> Estimate:
    """How long the jobs that are not done will take.

    Args:
        plan: the study.
        states: how far its jobs are.
        crew: who runs them; asked to measure one of them, once, where nothing else is known.
        told: is told so before that, which takes a while.
    """
    todo = [(job, state) for job, state in zip(plan.jobs, states, strict=True) if not state.done]
    runs = ResultStore(plan.results).runs() if todo else ()
    training = _Training(known_trainings(plan.results) if todo else (), crew.title, crew.probe, told)
    scoring = _Scoring(runs, crew.title)
    seconds: dict[str, float | None] = {}
    for job, state in todo:
        own = 0.0 if state.trained else training.seconds(job, state)
        seconds[job.key] = (
            None if own is None else own + sum(scoring.seconds(plan, job, rate) for rate in state.unscored)
        )
    return Estimate(seconds, crew.slots, (*training.sources, *scoring.sources))


@dataclass
class _Training:
    known: Sequence[Known]
    device: str | None
    probe: Callable[[Job, Told], Probe | None]
    told: Told
    sources: list[str] = field(default_factory=list)
    _probed: Probe | None = None
    _asked: bool = False

    def seconds(self, job: Job, state: State) -> float | None:
        """What is left of a training."""
        recipe = job.recipe
        left = recipe.iterations - state.iteration
        steps = self._by_records(job)
        if recipe.max_seconds:
            limit = max(0.0, recipe.max_seconds - state.seconds)
            if steps is None:
                self._say(LIMIT)
            return limit if steps is None else min(limit, left * steps)
        if steps is not None:
            return left * steps
        probed = self._by_probe(job)
        return None if probed is None else probed.start + left * probed.step * recipe.batch / probed.batch

    def _by_records(self, job: Job) -> float | None:
        cost = cost_of(job.identity)
        same = [one for one in self.known if one.cost == cost and self.device in (None, one.device)]
        if not same:
            return None
        devices = " and ".join(dict.fromkeys(one.device for one in same))
        self._say(f"earlier trainings on {devices}; not how long a cell takes to start")
        return sum(one.step for one in same) / len(same)

    def _by_probe(self, job: Job) -> Probe | None:
        if not self._asked:
            self._asked, self._probed = True, self.probe(job, self.told)
            if self._probed is not None:
                self._say(self._probed.words)
        return self._probed

    def _say(self, words: str) -> None:
        if words not in self.sources:
            self.sources.append(words)


@dataclass
class _Scoring:
    runs: Sequence[Run]
    device: str | None
    sources: list[str] = field(default_factory=list)

    def seconds(self, plan: StudyPlan, job: Job, rate: int) -> float:
        """Of all datasets at one rate; those of which nothing is known count nothing, and that is said."""
        total = 0.0
        for wanted in plan.wanted:
            if wanted.header.rate == rate:
                one = self._of(job, wanted.header.dataset, rate)
                total += one or 0.0
                where = wanted.header.dataset + (f" at rate {rate}" if rate != 2 else "")
                words = (
                    f"scoring on {where}: {'earlier runs' if one is not None else 'not counted, never measured here'}"
                )
                if words not in self.sources:
                    self.sources.append(words)
        return total

    def _of(self, job: Job, dataset: str, rate: int) -> float | None:
        found = [
            run.sessions[0].seconds
            for run in self.runs
            if (run.header.dataset, run.header.rate) == (dataset, rate)
            and run.header.method_card == job.identity["method"]
            and self.device in (None, run.header.device)
            and [session.outcome for session in run.sessions] == ["complete"]
        ]
        return sum(found) / len(found) if found else None


@dataclass
class Clock:
    """The time that is left, corrected by how long finished jobs really took.

    Args:
        estimate: what was thought before.
        spent: seconds of each job that is done, by key.
        given_up: the keys of jobs that have failed.
    """

    estimate: Estimate
    spent: dict[str, float] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)

    def left(self, running: Mapping[str, float]) -> float | None:
        """Seconds until all is done; None as long as nothing is known.

        Args:
            running: seconds that each job at work has taken so far, by key.
        """
        mean = sum(self.spent.values()) / len(self.spent) if self.spent else None
        thought = {key: value for key in self.spent if (value := self.estimate.seconds.get(key))}
        real = sum(self.spent[key] for key in thought)
        correction = real / sum(thought.values()) if thought else 1.0
        total = 0.0
        for key, value in self.estimate.seconds.items():
            if key in self.spent or key in self.given_up:
                continue
            whole = mean if value is None else value * correction
            if whole is None:
                return None
            total += max(0.0, whole - running.get(key, 0.0))
        unfinished = len(self.estimate.seconds) - len(self.spent) - len(self.given_up)
        return total / max(1, min(self.estimate.slots, unfinished))


def in_words(seconds: float) -> str:
    """A duration as people say it.

    >>> in_words(7), in_words(200), in_words(5400), in_words(200000)
    ('7 s', '3 min 20 s', '1 h 30 min', '2 d 7 h')
    """
    for unit, name, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} {int(seconds % unit // part)} {smaller}"
    return f"{seconds:.0f} s"
