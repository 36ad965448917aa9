"""`harness compare A B`: is A really better than B?"""

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Json, Results, results_folder

if TYPE_CHECKING:
    from harness.records.summary import FrameChoice


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A method, NAME@WEIGHTS, or the folder of a run.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", metavar="NAME", help="Default: all on which both were run. Repeatable."),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="Default: all that both have. Repeatable.")
    ] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Temporal factor. Default: 2, else what both have.")] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: any that both were run under.")
    ] = None,
    frames: Annotated[str, typer.Option(metavar="NAME", help="all, given or interpolated.")] = "all",
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap and of sampled sign flips.")] = 0,
    results: Results = None,
    json_: Json = False,
) -> None:
    """Compare two methods clip by clip: differences, intervals, corrected p, and what may be claimed."""
    from harness.records.store import ResultStore
    from harness.reports.significance import compare_runs, find_pairs
    from harness.reports.verdicts import as_json, as_text

    runs = ResultStore(results_folder(results)).runs()
    pairs = find_pairs(a, b, runs=runs, datasets=dataset or (), rate=rate, protocol=protocol)
    report = compare_runs(pairs, metrics=metric or (), frames=_choice(frames), seed=seed)
    typer.echo(as_json(report) if json_ else as_text(report), nl=json_)


def _choice(frames: str) -> "FrameChoice":
    from typing import get_args

    from harness.errors import UsageError
    from harness.names import suggest
    from harness.records.summary import FrameChoice

    known: tuple[FrameChoice, ...] = get_args(FrameChoice)
    for choice in known:
        if choice == frames:
            return choice
    raise UsageError(f"--frames wants one of {', '.join(known)}.", found=frames, todo=suggest(frames, known))
