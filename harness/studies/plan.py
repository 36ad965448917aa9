"""From rows and seeds to jobs: what can be refused is refused here, for all cells, before any of them runs.

Networks are built once a row, to see that they can be, and let go; the data is looked at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.clips.benchmark import open_benchmark
from harness.errors import DataError, UsageError
from harness.evaluation.plan import Request
from harness.evaluation.plan import plan as plan_runs
from harness.records.schema import RunHeader
from harness.records.store import content_key
from harness.records.study import Study, StudyCell, StudyRow
from harness.studies.commands import Places, assignments, run_command, train_command
from harness.studies.names import budget_in_words, check_name, log_names
from harness.training.folder import WEIGHTS
from harness.training.recipe import Recipe, split_assignments
from harness.training.sources import DEMO, Source, open_source
from harness.training.train import TrainRequest, own_folder, plan_training, setting_of


@dataclass(frozen=True)
class StudyRequest:
    """What one `harness sweep` or `harness ablate` asks for.

    Args:
        kind: which of the two.
        rows: what is compared.
        full: index of the row that the others are compared with.
        table: of the paper, for ablations.
        data: see `harness train`.
        recipe: see `harness train`; None: the cards'.
        sets: KEY=VALUE of card or recipe, for every row.
        seeds: how many: 0, 1, ….
        datasets: on which every cell is scored.
        places: where things are.
        half: export fp16.
        name: of the study.
        command: the command line.
    """

    kind: Literal["sweep", "ablation"]
    rows: tuple[StudyRow, ...]
    full: int | None
    data: str
    datasets: tuple[str, ...]
    places: Places
    name: str
    recipe: str | None = None
    table: str | None = None
    sets: tuple[str, ...] = ()
    seeds: int = 1
    half: bool = False
    command: str = ""


@dataclass(frozen=True)
class Job:
    """One training and its scoring; one or more cells of the study.

    Args:
        key: of the training.
        label: for people.
        seed: of the training.
        rows: indices of the rows that it stands for.
        folder: of the training.
        log: what its commands print.
        identity: of the training.
        recipe: of the training.
        train: arguments of `harness train`, without --device.
        score: arguments of `harness run`, without --device, by rate.
    """

    key: str
    label: str
    seed: int
    rows: tuple[int, ...]
    folder: Path
    log: Path
    identity: Mapping[str, Any]
    recipe: Recipe
    train: tuple[str, ...]
    score: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True)
class WantedRun:
    """A run that the weights of a job must have, on one dataset at one rate.

    Args:
        header: that of the first row's method, untrained.
        clips: those of the dataset that are here.
    """

    header: RunHeader
    clips: tuple[str, ...]


@dataclass(frozen=True)
class StudyPlan:
    """A study, resolved."""

    study: Study
    jobs: tuple[Job, ...]
    wanted: tuple[WantedRun, ...]
    results: Path
    data: str
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Of the study."""
        return study_folder(self.results, self.study.name)


@dataclass(frozen=True)
class _Training:
    """What is kept of a row's plan."""

    row: StudyRow
    sets: tuple[str, ...]
    names: tuple[str, str, str]
    recipe: Recipe
    source: Source
    identity: dict[str, Any]


@dataclass
class _Notes:
    """Remarks of rows; one that all share is told once."""

    of_rows: dict[str, list[str]] = field(default_factory=dict)

    def add(self, notes: Sequence[str], row: StudyRow) -> None:
        for note in notes:
            self.of_rows.setdefault(note, []).append(row.name)

    def told(self, rows: int) -> tuple[str, ...]:
        return tuple(
            note if len(names) == rows else f"{', '.join(names)}: {note}" for note, names in self.of_rows.items()
        )


def study_folder(results: Path, name: str) -> Path:
    """Where a study lies."""
    return results / "studies" / name


def plan_study(request: StudyRequest, library: CardLibrary) -> StudyPlan:
    """Resolve and check all cells. Raises HarnessError for the first thing that cannot be."""
    check_name(request.name)
    _check_sets(request.sets)
    wanted, remarks = _wanted(request, library)
    opened, notes = cache(open_source), _Notes()
    trainings = [_plan_row(row, request, library, open_data=opened, notes=notes) for row in request.rows]
    jobs = _jobs(request, trainings)
    first = trainings[request.full or 0]
    settings = {setting_of(training.identity) for training in trainings}
    if len(settings) > 1:
        remarks.append("The rows differ in their recipe: their scores tell of budgets, too, not of methods alone.")
    remarks += _twins(request.rows, jobs)
    by_cell = {(row, job.seed): job for job in jobs for row in job.rows}
    study = Study(
        name=request.name,
        kind=request.kind,
        table=request.table,
        full=request.full,
        setting=setting_of(first.identity),
        budget=budget_in_words(first.names[-1], first.recipe, first.source, first.identity, request.sets),
        datasets=request.datasets,
        rows=request.rows,
        cells=tuple(
            StudyCell(row=row, seed=seed, key=job.key, folder=_below(job.folder, request.places.results))
            for row in range(len(request.rows))
            for seed in range(request.seeds)
            if (job := by_cell[row, seed])
        ),
        command=request.command,
    )
    remarks += notes.told(len(request.rows))
    return StudyPlan(study, jobs, wanted, request.places.results, request.data, tuple(remarks))


def _check_sets(sets: Sequence[str]) -> None:
    """Only what a training sees may be set for a study."""
    for text in sets:
        head = text.strip().partition(".")[0]
        if head in ("dataset", "protocol", "ops"):
            raise UsageError(
                "--set of a study changes card or recipe.",
                found=text,
                todo="score the weights by `harness run` for other rules or operators",
            )


def _plan_row(
    row: StudyRow,
    request: StudyRequest,
    library: CardLibrary,
    *,
    open_data: Callable[..., Source],
    notes: _Notes,
) -> _Training:
    sets = assignments(request.sets, row.changes)
    of_card, of_recipe = split_assignments(sets)
    plan = plan_training(
        TrainRequest(
            method=row.method,
            data=request.data,
            recipe=request.recipe,
            overrides=Overrides.parse(of_card),
            recipe_changes=Overrides.parse(of_recipe).method,
            results=request.places.results,
            initial=request.places.initial,
            vgg=request.places.vgg,
        ),
        library,
        open_data=open_data,
    )
    notes.add(plan.notes, row)
    return _Training(row, sets, plan.names, plan.recipe, plan.source, plan.identity)


def _jobs(request: StudyRequest, trainings: Sequence[_Training]) -> tuple[Job, ...]:
    """One for each training that differs from all others, seed by seed: an early look sees all rows."""
    rows: dict[str, list[int]] = {}
    for index, training in enumerate(trainings):
        rows.setdefault(content_key(training.identity), []).append(index)
    logs = log_names([request.rows[indices[0]].name for indices in rows.values()])
    folder = study_folder(request.places.results, request.name) / "logs"
    return tuple(
        _job(request, trainings, tuple(indices), seed, folder / f"{log}-seed{seed}.log")
        for seed in range(request.seeds)
        for indices, log in zip(rows.values(), logs, strict=True)
    )


def _job(request: StudyRequest, trainings: Sequence[_Training], rows: tuple[int, ...], seed: int, log: Path) -> Job:
    training, places = trainings[rows[0]], request.places
    identity = {**training.identity, "seed": seed}
    folder = own_folder(places.results, training.names, identity)
    method, sets = training.row.method, training.sets
    rates = dict.fromkeys(trainings[index].row.rate for index in rows)
    return Job(
        key=content_key(identity),
        label=f"{training.row.name}, seed {seed}",
        seed=seed,
        rows=rows,
        folder=folder,
        log=log,
        identity=identity,
        recipe=training.recipe,
        train=train_command(
            method=method,
            data=request.data,
            recipe=request.recipe,
            sets=sets,
            seed=seed,
            half=request.half,
            places=places,
        ),
        score={
            rate: run_command(
                method=method,
                weights=folder / WEIGHTS,
                datasets=request.datasets,
                rate=rate,
                sets=sets,
                places=places,
            )
            for rate in rates
        },
    )


def _wanted(request: StudyRequest, library: CardLibrary) -> tuple[tuple[WantedRun, ...], list[str]]:
    """What every training will be scored on, and what is wrong with it; raises where a dataset is not here."""
    first, wanted, remarks = request.rows[0], [], []
    of_card, _ = split_assignments(assignments(request.sets, first.changes))
    for rate in dict.fromkeys(row.rate for row in request.rows):
        cells = plan_runs(
            Request(
                methods=(first.method,),
                datasets=request.datasets,
                rate=rate,
                overrides=Overrides.parse(of_card),
                data_root=request.places.data_root,
                untrained=True,
            ),
            library,
        )
        wanted += [WantedRun(cell.header, tuple(clip.name for clip in cell.benchmark.clips)) for cell in cells]
        remarks += [
            f"{len(cell.benchmark.problems)} of {len(cell.header.clips)} clips of {cell.header.dataset} cannot be "
            f"scored; the others are (harness data check {cell.header.dataset})."
            for cell in cells
            if cell.benchmark.problems
        ]
    return tuple(wanted), list(dict.fromkeys(remarks))


def _twins(rows: Sequence[StudyRow], jobs: Sequence[Job]) -> list[str]:
    """Rows that should differ in their training, and under these settings do not."""
    shared = {job.rows for job in jobs if any(not _same_training(rows[job.rows[0]], rows[row]) for row in job.rows)}
    alike = (" and ".join(rows[row].name for row in indices) for indices in sorted(shared))
    return [f"{names} are one training: under these settings they do not differ." for names in alike]


def _same_training(one: StudyRow, other: StudyRow) -> bool:
    return (one.method, one.changes) == (other.method, other.changes)


def _below(folder: Path, results: Path) -> str:
    return str(folder.relative_to(results)) if folder.is_relative_to(results) else str(folder.absolute())


def default_datasets(given: Sequence[str], library: CardLibrary, data_root: Path) -> tuple[str, ...]:
    """Those that are asked for, else Vid4 where it is here, else the procedural clips."""
    if given:
        return tuple(dict.fromkeys(given))
    card = library.dataset("vid4")
    try:
        open_benchmark(card, library.manifest(card), data_root=data_root)
    except DataError:
        return (DEMO,)
    return ("vid4",)
