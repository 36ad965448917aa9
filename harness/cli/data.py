"""`harness data`: is the data here, is it the right data, and where can it be had."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Cards, DataRoot, Json, data_root
from harness.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress

    from harness.cards import DatasetCard, Manifest
    from harness.clips.benchmark import Benchmark
    from harness.clips.check import ClipReport, DataReport

app = typer.Typer(name="data", help="Check datasets, prepare them, and say where they can be had.")

Dataset = Annotated[str, typer.Argument(metavar="DATASET", help="The name of a dataset: `harness list datasets`.")]

_MANY = 24  # more clips than this are summed up, fewer are listed one by one
_NAMED = 8  # names in one line
_SIGNS = {"proven": ("proven", "green"), "plausible": ("plausible", None), "wrong": ("wrong", "red")}


@app.callback(invoke_without_command=True)
def where(context: typer.Context, root: DataRoot = None, cards: Cards = None) -> None:
    """Check datasets and prepare them. Without a command: which are here, and where the others can be had."""
    if context.invoked_subcommand is not None:
        return
    from harness.cards import CardLibrary, DatasetCard, card_folders
    from harness.clips.layouts import below

    library = CardLibrary(card_folders(cards or ()))
    for name in library.names(DatasetCard):
        card = library.dataset(name)
        folders = [below(data_root(root), folder) for folder in card.folders if folder != "."]
        here = next((folder for folder in folders if folder.is_dir()), None)
        typer.secho(f"{name}: {card.summary or card.title}", bold=True)
        if card.layout != "procedural":
            typer.echo(f"  {f'in {here}' if here else f'not below {data_root(root)}'}")
        if here is None:
            typer.echo("\n".join(f"  {line}" for line in card.download.strip().splitlines()))


@app.command()
def check(dataset: Dataset, root: DataRoot = None, cards: Cards = None, json_: Json = False) -> None:
    """Decode every frame and prove it right. Exit code 0: all right, 1: something is wrong, 2: nothing is here."""
    from harness.clips.benchmark import open_benchmark
    from harness.clips.check import check_benchmark

    card, manifest = _card(dataset, cards)
    benchmark = open_benchmark(card, manifest, data_root=data_root(root))
    frames = {clip.name: clip.frames for clip in benchmark.clips}
    with _progress() as progress:
        bar = progress.add_task(f"checking {dataset}", total=sum(frames.values()))
        report = check_benchmark(benchmark, on_clip=lambda clip: progress.advance(bar, frames[clip.clip]))
    if json_:
        _print_json(report)
    else:
        _print_text(report)
        _print_download(card, missing=bool(report.having("missing")))
    if not report.right:
        raise typer.Exit(1)


@app.command()
def prepare(dataset: Dataset, root: DataRoot = None, cards: Cards = None) -> None:
    """Extract frames where a dataset comes as videos, and write LR frames. Goes on where it stopped."""
    from harness.clips.benchmark import open_benchmark

    card, manifest = _card(dataset, cards)
    if card.layout == "procedural":
        typer.echo(f"{dataset}: nothing to prepare, the clips are rendered when they are read.")
        return
    failed = _extract(card, manifest, data_root(root)) if card.layout == "adobe240" else 0
    benchmark = open_benchmark(card, manifest, data_root=data_root(root))
    failed += _write_lr(benchmark)
    _print_download(card, missing=bool(benchmark.missing))
    if failed or benchmark.problems:
        raise typer.Exit(1)


def _card(dataset: str, cards: list[Path] | None) -> "tuple[DatasetCard, Manifest]":
    from harness.cards import CardLibrary, card_folders

    library = CardLibrary(card_folders(cards or ()))
    card = library.dataset(dataset)
    return card, library.manifest(card)


def _extract(card: "DatasetCard", manifest: "Manifest", root: Path) -> int:
    """Frames of the videos that have none yet; returns how many videos failed."""
    from harness.clips.extract import extract, wanted_extractions

    failed = 0
    with _progress() as progress:
        for task in wanted_extractions(card, manifest, data_root=root):
            bar = progress.add_task(f"extracting {task.video.name}", total=None)
            if _attempt(task.clip, partial(extract, task, on_frame=partial(progress.advance, bar))):
                typer.echo(f"{task.clip}: frames in {task.folder}")
            else:
                failed += 1
            progress.remove_task(bar)
    return failed


def _write_lr(benchmark: "Benchmark") -> int:
    """LR frames of all clips that are here; returns how many clips failed."""
    from harness.clips.prepare import prepare_lr

    done = failed = 0
    with _progress() as progress:
        bar = progress.add_task("LR frames", total=sum(clip.frames for clip in benchmark.clips))
        for clip in benchmark.clips:
            ok = _attempt(clip.name, partial(prepare_lr, clip, on_frame=partial(progress.advance, bar)))
            done, failed = done + ok, failed + (not ok)
    wrong = [problem for problem in benchmark.problems if problem.kind != "missing"]
    for problem in wrong[:_MANY]:
        typer.secho(str(problem), fg="red", err=True)
    if len(wrong) > _MANY:
        typer.secho(f"… and {len(wrong) - _MANY} more; `harness data check --json` lists all", fg="red", err=True)
    if benchmark.missing:
        typer.secho(f"missing: {_names(benchmark.missing)}", fg="yellow", err=True)
    if benchmark.clips and done:
        folder = benchmark.clips[0].lr_folder
        typer.echo(f"LR frames of {done} of {len(benchmark.expected)} clips are in {folder and folder.parent}")
    return failed


def _attempt(clip: str, work: Callable[[], object]) -> bool:
    try:
        work()
    except DataError as error:
        typer.secho(f"{clip}: {error}", fg="red", err=True)
        return False
    return True


def _print_text(report: "DataReport") -> None:
    typer.echo(f"{report.dataset}{f' in {report.folder}' if report.folder else ''}")
    few = len(report.clips) <= _MANY
    listed = [clip for clip in report.clips if clip.status == "wrong" or (few and clip.status != "missing")]
    width = max((len(clip.clip) for clip in listed), default=0)
    for clip in listed[:_MANY]:
        word, colour = _SIGNS[clip.status]
        typer.secho(f"  {word:<11}", fg=colour, nl=False)
        typer.echo(f"{clip.clip:<{width}}  {_words(clip)}")
    if len(listed) > _MANY:
        typer.echo(f"  … and {len(listed) - _MANY} more that are wrong; --json lists all")
    for word, colour, names in (
        ("missing", "red", tuple(clip.clip for clip in report.having("missing"))),
        ("extra", None, report.extra),
    ):
        if names:
            typer.secho(f"  {word:<11}", fg=colour, nl=False)
            typer.echo(_names(names))
    typer.echo(_summary(report))


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMED]) + (f", … ({len(names)} in all)" if len(names) > _NAMED else "")


def _words(clip: "ClipReport") -> str:
    if clip.wrong:
        return f"{clip.wrong}{f' ({clip.todo})' if clip.todo else ''}"
    proof = "pixels as published" if clip.status == "proven" else "every frame can be read; no published hash"
    return f"{clip.frames} frames {clip.width}x{clip.height}, {proof}"


def _summary(report: "DataReport") -> str:
    counts = [(len(report.having(status)), status) for status in ("proven", "plausible", "wrong", "missing")]
    total = len(report.clips)
    return f"{total} clip{'s' * (total != 1)}: " + ", ".join(f"{count} {status}" for count, status in counts if count)


def _print_json(report: "DataReport") -> None:
    import json
    from dataclasses import asdict

    typer.echo(json.dumps({**asdict(report), "right": report.right}, indent=1))


def _print_download(card: "DatasetCard", *, missing: bool) -> None:
    if missing and card.download:
        typer.echo(f"\nWhere {card.title} can be had:\n{card.download.strip()}", err=True)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
