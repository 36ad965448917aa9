"""`harness run`: methods on datasets, scored, recorded, shown."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import (
    Cards,
    DataRoot,
    Json,
    Plugin,
    Rate,
    Results,
    TaskName,
    data_root,
    reports_folder,
    results_folder,
)

if TYPE_CHECKING:
    from harness.cards import CardLibrary
    from harness.evaluation.plan import Cell
    from harness.evaluation.runner import Outcome

_WHAT, _HOW, _WHERE = "What is compared", "How it is run", "Where things are"

Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a card: options.window=4, protocol.border=4; or an operator: ops.deform_conv=mmcv.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", metavar="FILE", help="Instead of those of the card: what `harness train` has exported."
    ),
]


def run(
    method: Annotated[
        list[str],
        typer.Option("--method", "-m", metavar="NAME", help="A method; NAME@TAG for certain weights. Repeatable."),
    ],
    dataset: Annotated[list[str], typer.Option("--dataset", "-d", metavar="NAME", help="A dataset. Repeatable.")],
    task: TaskName = "space-time",
    rate: Rate = None,
    protocol: Annotated[str | None, typer.Option(metavar="NAME", help="Default: the dataset's own.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Default: PSNR and SSIM of the protocol. Repeatable."),
    ] = None,
    set_: Assignments = None,
    weights: Weights = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …", rich_help_panel=_HOW)] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, tf32, fp16 or bf16.", rich_help_panel=_HOW)] = "fp32",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N clips.", rich_help_panel=_HOW)
    ] = None,
    untrained: Annotated[
        bool,
        typer.Option("--untrained", help="Run without weights; never shown in a table.", rich_help_panel=_HOW),
    ] = False,
    save_frames: Annotated[
        bool, typer.Option("--save-frames", help="Keep every upscaled frame as PNG.", rich_help_panel=_HOW)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be run, and stop.", rich_help_panel=_HOW)
    ] = False,
    data: DataRoot = None,
    results: Results = None,
    lpips_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A complete LPIPS state dict, for offline use.")
    ] = None,
    cards: Cards = None,
    plugin: Plugin = None,
    json_: Json = False,
) -> None:
    """Score methods on datasets. The same command continues a run that was stopped."""
    from harness.cards import CardLibrary, Overrides, card_folders
    from harness.cards.tasks import find_task
    from harness.evaluation.plan import Request, plan
    from harness.evaluation.precision import check_precision, find_device
    from harness.upscalers.registry import load_plugin

    for file in plugin or ():
        load_plugin(file)
    request = Request(
        methods=tuple(method),
        datasets=tuple(dataset),
        task=find_task(task),
        rate=find_task(task).rate_of(rate),
        protocol=protocol,
        metrics=tuple(metric or ()),
        overrides=Overrides.parse(set_ or ()),
        device=find_device(device),
        precision=check_precision(precision),
        data_root=data_root(data),
        weights=weights,
        lpips_weights=lpips_weights,
        untrained=untrained,
    )
    library = CardLibrary(card_folders(cards or ()))
    cells = plan(request, library)
    if limit is None:
        _tell_problems(cells)
    if dry_run:
        _show_plan(cells, results_folder(results), limit=limit, as_json=json_)
        return
    outcomes = _run_all(cells, results_folder(results), limit=limit, save_frames=save_frames, quiet=json_)
    _show_results(outcomes, reports_folder(results), library, as_json=json_)
    if not all(outcome.complete for outcome in outcomes):
        raise typer.Exit(1)


def _run_all(
    cells: "Sequence[Cell]", folder: Path, *, limit: int | None, save_frames: bool, quiet: bool
) -> "list[Outcome]":
    from harness.cli.progress import ProgressWatcher
    from harness.evaluation.runner import run_cell
    from harness.records.store import ResultStore

    store, command = ResultStore(folder), shlex.join(["harness", *sys.argv[1:]])
    try:
        with ProgressWatcher(quiet=quiet) as watcher:
            return [
                run_cell(cell, store, watcher, command=command, limit=limit, save_frames=save_frames)
                for cell in cells
            ]
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. What is done is kept in {folder}; the same command continues.", err=True)
        raise typer.Exit(130) from None


def _tell_problems(cells: "Sequence[Cell]") -> None:
    """Missing and damaged clips, named once per dataset before any time is spent."""
    most = 5
    for name, cell in {cell.header.dataset: cell for cell in cells}.items():
        problems = cell.benchmark.problems
        for problem in problems[:most]:
            typer.secho(f"{name}: {problem}", fg="yellow", err=True)
        if len(problems) > most:
            typer.secho(
                f"{name}: … and {len(problems) - most} more; `harness data check {name}` lists all.",
                fg="yellow",
                err=True,
            )


def _show_plan(cells: "Sequence[Cell]", folder: Path, *, limit: int | None, as_json: bool) -> None:
    import json

    from harness.records.store import ResultStore

    store = ResultStore(folder)
    if as_json:
        typer.echo(json.dumps([cell.header.model_dump(mode="json") for cell in cells], indent=1))
        return
    for cell in cells:
        header, clips = cell.header, len(cell.benchmark.clips[:limit])
        typer.echo(f"{header.method} on {header.dataset}: {clips} of {len(header.clips)} clips, rate {header.rate}")
        typer.echo(f"  signature  {header.signature}")
        typer.echo(f"  precision  {header.precision} on {header.device}")
        typer.echo(f"  record     {store.folder(header)}")


def _show_results(outcomes: "Sequence[Outcome]", reports: Path, library: "CardLibrary", *, as_json: bool) -> None:
    import json

    from harness.errors import RecordError
    from harness.reports.comparison import comparison_picture
    from harness.reports.emit import emit, write_tables
    from harness.reports.tables import run_table

    runs = [outcome.run for outcome in outcomes]
    table = run_table(runs, library=library)
    if as_json:
        records = [str(run.folder) for run in runs]
        typer.echo(json.dumps({"records": records, "table": json.loads(emit(table, "json"))}, indent=1))
        return
    typer.echo(emit(table, "text"))
    for outcome in outcomes:
        state = "" if outcome.complete else f"  ({outcome.failed} failed, {outcome.missing} missing)"
        typer.echo(f"record   {outcome.run.folder}{state}")
        if outcome.precision_db is not None:
            from harness.evaluation.distance import in_words

            precision = outcome.run.header.precision
            typer.echo(f"         {precision} against fp32, one window: {in_words(outcome.precision_db)}")
    for path in write_tables(table, reports):
        typer.echo(f"table    {path}")
    for name in dict.fromkeys(run.header.dataset for run in runs):
        shown = [run for run in runs if run.header.dataset == name]
        try:
            typer.echo(f"picture  {comparison_picture(shown, reports / f'comparison-{name}.png')}")
        except RecordError as error:  # no clip that all methods have done: there is nothing to compare
            typer.echo(f"No picture of {name}. {error}", err=True)
