"""`harness table`: the paper's tables with its numbers and ours, the leaderboard, and the tables of studies."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Cards, Results, results_folder

if TYPE_CHECKING:
    from harness.cards import CardLibrary
    from harness.records.schema import ReportedLine
    from harness.records.study import Study
    from harness.reports.model import Table

_LEADERBOARD = "leaderboard"
_SOURCES = ("reported", "measured", "both")


def table(
    which: Annotated[str, typer.Argument(metavar="TABLE", help="I, II, III, IV, V, VI, leaderboard, or a study.")],
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose numbers: reported, measured or both, never in one column. Default: both (studies: measured).",
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", "-d", metavar="NAME", help="Only this dataset. Repeatable.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measured under these rules. Default: each dataset's own.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help="text, md, latex, csv or json.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there instead of printing.")
    ] = None,
    standalone: Annotated[
        bool, typer.Option("--standalone", help="With --format latex: a whole document that compiles by itself.")
    ] = False,
    results: Results = None,
    cards: Cards = None,
) -> None:
    """Print a table of the paper, the leaderboard of everything measured here, or the table of a study."""
    from harness.cards import CardLibrary, card_folders
    from harness.errors import UsageError
    from harness.reports.emit import as_latex, emit, write

    if standalone and form != "latex":
        raise UsageError("--standalone is for --format latex.", found=f"--format {form}")
    built = _build(
        which,
        CardLibrary(card_folders(cards or ())),
        results_folder(results),
        source=source,
        protocol=protocol,
        datasets=dataset or [],
        clips=form == "json",
    )
    if output is None and form == "text" and sys.stdout.isatty():
        _show(built)
        return
    text = as_latex(built, standalone=True) if standalone else emit(built, form)
    if output is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"table    {write(text, output)}", err=True)


def _build(
    which: str,
    library: "CardLibrary",
    results: Path,
    *,
    source: str | None,
    protocol: str | None,
    datasets: list[str],
    clips: bool,
) -> "Table":
    from harness.errors import UsageError
    from harness.names import suggest
    from harness.records.reported import load_reported
    from harness.records.speed import read_speed
    from harness.records.store import ResultStore
    from harness.records.study import read_study, studies
    from harness.reports.layouts import paper_layouts
    from harness.reports.tables import Measurements, leaderboard, paper_table

    # A study cannot hide a table of the paper: those names come first.
    known = (*paper_layouts().tables, _LEADERBOARD, *studies(results))
    key = next((name for name in known if name.lower() == which.lower()), None)
    if key is None:
        raise UsageError(f"There is no table '{which}'.", todo=suggest(which, known))
    if source is not None and source not in _SOURCES:
        raise UsageError(f"There is no source '{source}'.", todo=suggest(source, _SOURCES))
    if key == _LEADERBOARD:
        if source not in (None, "measured"):
            raise UsageError("The leaderboard shows what was measured.", found=f"--source {source}")
        return leaderboard(ResultStore(results).runs(), protocol=protocol, datasets=datasets, library=library)
    if key not in paper_layouts().tables:
        return _study_table(
            read_study(key, results),
            results,
            library,
            source=source,
            protocol=protocol,
            datasets=datasets,
            clips=clips,
        )
    reported = load_reported()
    if source == "reported":
        return paper_table(key, reported, source="reported", datasets=datasets, library=library)
    measured = Measurements(ResultStore(results).runs(), read_speed(results), _reasons(reported, library))
    return paper_table(
        key,
        reported,
        measured=measured,
        source="measured" if source == "measured" else "both",
        protocol=protocol,
        datasets=datasets,
        library=library,
    )


def _study_table(
    study: "Study",
    results: Path,
    library: "CardLibrary",
    *,
    source: str | None,
    protocol: str | None,
    datasets: list[str],
    clips: bool,
) -> "Table":
    from harness.errors import UsageError
    from harness.records.reported import load_reported
    from harness.records.store import ResultStore
    from harness.reports.tables import study_table

    if source == "reported":
        raise UsageError(
            "The table of a study shows what was measured.",
            found="--source reported",
            todo=f"harness table {study.table} --source reported" if study.table else "leave --source out",
        )
    return study_table(
        study,
        ResultStore(results).runs(),
        library=library,
        protocol=protocol,
        datasets=datasets,
        source="both" if source == "both" else "measured",
        reported=load_reported(),
        clips=clips,
    )


def _reasons(reported: "Iterable[ReportedLine]", library: "CardLibrary") -> dict[str, str]:
    """Why methods of the paper cannot be measured here; those that can are not named."""
    from harness.cards import MethodCard
    from harness.upscalers.readiness import readiness

    known = set(library.names(MethodCard))
    reasons = {}
    for name in dict.fromkeys(line.method for line in reported):
        status = readiness(library.method(name), library).status if name in known else "lacks its card"
        if status != "ready":
            reasons[name] = f"cannot be measured here yet: {status} (harness list methods)"
    return reasons


def _show(built: "Table") -> None:
    from rich.console import Console

    from harness.reports.emit import as_rich

    console = Console(highlight=False)
    console.print(as_rich(built, width=console.width))
