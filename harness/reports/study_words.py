"""What a study's table says in words: its caption, and what a reader must know of its numbers."""

from collections.abc import Iterator, Mapping, Sequence

from harness.records.study import Study
from harness.reports.model import Column
from harness.reports.over_seeds import LEAST_SEEDS, Scored
from harness.reports.study_runs import StudyRuns

_FEW = f"With fewer than {LEAST_SEEDS} seeds nobody can tell whether a difference is more than chance."
_SIGN_AND_ORDER = (
    "The paper's differences are row minus full row, too, on its own budget and of one training each: what can be "
    "compared is their sign and order."
)


def caption(study: Study) -> str:
    """What the table shows."""
    seeds = len(study.seeds)
    whose = f", the rows of the paper's Table {study.table}" if study.table else ""
    numbers = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else f"seed {study.seeds[0]}"
    delta = ""
    if study.full is not None:
        how = ", seed by seed" if seeds > 1 else ""
        delta = f"; Δ: difference to {study.rows[study.full].name}{how}"
    return f"{study.kind.capitalize()} '{study.name}'{whose}: {numbers}{delta}."


def remarks(runs: StudyRuns, rows: Mapping[Column, Sequence[Scored]], *, paper: bool) -> tuple[str, ...]:
    """What must be said with the numbers.

    Args:
        runs: of the study.
        rows: by column, what the rows scored.
        paper: the paper's own differences are shown.
    """
    return tuple(_remarks(runs, rows, paper=paper))


def _remarks(runs: StudyRuns, rows: Mapping[Column, Sequence[Scored]], *, paper: bool) -> Iterator[str]:
    study = runs.study
    instead = f", not with the paper's Table {study.table}" if study.table else ""
    yield f"Every row was trained here, on the budget that ends the signature: compare rows with each other{instead}."
    if paper:
        yield _SIGN_AND_ORDER
    if study.full is not None and len(study.seeds) < LEAST_SEEDS:
        yield _FEW
    yield from _progress(study, rows)
    yield from _precisions(runs, rows)
    yield from runs.selection.left_out(map(runs.selection.who, runs.selection.runs), called=runs.called)


def _progress(study: Study, rows: Mapping[Column, Sequence[Scored]]) -> Iterator[str]:
    done = sum(
        all(cell.seed in (row := scored[cell.row]).values and row.cell.rankable for scored in rows.values())
        for cell in study.cells
    )
    if done < len(study.cells):
        further = f"; to go on: {study.command}" if study.command else "."
        yield f"{done} of {len(study.cells)} trainings are scored{further}"


def _precisions(runs: StudyRuns, rows: Mapping[Column, Sequence[Scored]]) -> Iterator[str]:
    """Rows whose weights ran in another precision than most: its noise may be as large as their difference."""
    shown = [
        (run.header.precision, f"{runs.study.rows[index].name}, seed {seed}")
        for scored in rows.values()
        for index, row in enumerate(scored)
        for seed, run in row.runs.items()
    ]
    usual = max(
        dict.fromkeys(one for one, _ in shown), key=lambda name: sum(name == one for one, _ in shown), default=""
    )
    others = dict.fromkeys(f"{name} in {precision}" for precision, name in shown if precision != usual)
    if others:
        yield f"Measured in {usual}, but: {'; '.join(others)} (harness speed --check says how far that is off)."
