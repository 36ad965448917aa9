"""`harness train`: a method learns from clips, by a recipe; the weights are exported with the record of how."""

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from harness.cli.common import Cards, Json, Plugin, Results, results_folder

if TYPE_CHECKING:
    from harness.training.train import Plan, Trained

_WHAT, _HOW, _WHERE = "What is trained", "How", "Where things are"


Method = Annotated[str, typer.Option("--method", "-m", metavar="NAME", help="A method.", rich_help_panel=_WHAT)]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="DIR",
        help="A folder with a folder of frames per clip, a Vimeo-90K septuplet root, or `demo`.",
        rich_help_panel=_WHAT,
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="paper, evening, minutes, random-times, s-sr, smoke, or a TOML file. Default: the card's.",
        rich_help_panel=_WHAT,
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override card or recipe: training.lambda_mcl=0, options.flow=raw, recipe.batch=8. Repeatable.",
        rich_help_panel=_WHAT,
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of first weights and crops.", rich_help_panel=_HOW)]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …", rich_help_panel=_HOW)]
Init = Annotated[
    Path | None,
    typer.Option("--init", metavar="FILE", help="Start from these weights, or parts.", rich_help_panel=_HOW),
]
Half = Annotated[bool, typer.Option("--half", help="Export fp16 weights.", rich_help_panel=_HOW)]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Log for TensorBoard, too (extra `train`).", rich_help_panel=_HOW)
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be trained, and stop.", rich_help_panel=_HOW)
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FOLDER", help="Default: below results/training/.", rich_help_panel=_WHERE),
]
Vgg = Annotated[
    Path | None,
    typer.Option("--vgg19", metavar="FILE", help="VGG-19 (also: HARNESS_VGG19).", rich_help_panel=_WHERE),
]


def train(
    method: Method,
    data: Data,
    recipe: RecipeName = None,
    set_: Assignments = None,
    seed: Seed = 0,
    device: Device = "auto",
    init: Init = None,
    half: Half = False,
    tensorboard: TensorBoard = False,
    dry_run: DryRun = False,
    out: Out = None,
    vgg19: Vgg = None,
    results: Results = None,
    cards: Cards = None,
    plugin: Plugin = None,
    json_: Json = False,
) -> None:
    """Train a method. The same command continues a training that was stopped; `torchrun` uses several GPUs."""
    from harness.cards import CardLibrary, Overrides, card_folders
    from harness.evaluation.precision import find_device
    from harness.training.recipe import split_assignments
    from harness.training.train import TrainRequest, plan_training
    from harness.training.train import train as train_plan
    from harness.upscalers.registry import load_plugin

    for file in plugin or ():
        load_plugin(file)
    of_card, of_recipe = split_assignments(set_ or ())
    request = TrainRequest(
        method=method,
        data=data,
        recipe=recipe,
        overrides=Overrides.parse(of_card),
        recipe_changes=Overrides.parse(of_recipe).method,
        device=find_device(device),
        seed=seed,
        out=out,
        results=results_folder(results),
        initial=init,
        vgg=vgg19,
        half=half,
        tensorboard=tensorboard,
    )
    plan = plan_training(request, CardLibrary(card_folders(cards or ())))
    speaks = _is_first_process()
    _tell(plan, speaks=speaks)
    if dry_run:
        _show_plan(plan, as_json=json_)
        return
    try:
        with _Watcher(quiet=json_ or not speaks) as watcher:
            trained = train_plan(request, plan, watcher)
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. What is done is kept in {plan.folder}; the same command continues.", err=True)
        raise typer.Exit(130) from None
    if speaks:
        _show(trained, as_json=json_)


def _is_first_process() -> bool:
    import os

    return os.environ.get("RANK", "0") == "0"


def _tell(plan: "Plan", *, speaks: bool) -> None:
    for note in plan.notes if speaks else ():
        typer.secho(f"{plan.card.name}: {note}", fg="yellow", err=True)


def _show_plan(plan: "Plan", *, as_json: bool) -> None:
    import json

    from harness.evaluation.precision import device_title

    if as_json:
        typer.echo(json.dumps({"folder": str(plan.folder), **plan.identity}, indent=1))
        return
    recipe, data = plan.recipe, plan.source.describe()
    limit = f", at most {recipe.max_seconds:g} s" if recipe.max_seconds else ""
    options = plan.options.model_dump()
    typer.echo(f"{plan.card.name} on {data['name']}: {data['clips']} clips, {data['frames']} frames")
    typer.echo(f"  budget     {recipe.iterations} iterations of {recipe.batch} crops{limit}")
    typer.echo(f"  crops      {recipe.frames} frames, {recipe.crop}x{recipe.crop} LR pixels")
    typer.echo(f"  rates      {', '.join(map(str, recipe.each_rate))}")
    typer.echo(f"  losses     {', '.join(f'{key} {value}' for key, value in options.items())}")
    typer.echo(f"  held out   {', '.join(clip.name for clip in plan.source.held_out) or 'none'}")
    typer.echo(f"  precision  {recipe.precision} on {device_title(plan.device)}")
    typer.echo(f"  folder     {plan.folder}")


def _show(trained: "Trained", *, as_json: bool) -> None:
    import json

    if as_json:
        product = {"folder": str(trained.folder), "weights": str(trained.weights), "record": trained.record}
        typer.echo(json.dumps(product, indent=1))
        return
    record = trained.record
    typer.echo(f"trained    {record['iterations']} iterations in {record['seconds']} s on {record['device']}")
    validation = record["validation"]
    if isinstance(validation, list) and validation:
        typer.echo(f"held out   {validation[-1]['psnr_y']:.2f} dB PSNR-Y")
    typer.echo(f"weights    {trained.weights}")
    typer.echo(f"record     {trained.folder / 'record.json'}")


class _Watcher:
    """Progress on stderr: a bar with ETA on a terminal, a line now and then elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("starts", total=1.0)
        self._told = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        sys.stderr.flush()

    def said(self, words: str) -> None:
        """A line of its own."""
        self._console.print(words, highlight=False, soft_wrap=True)

    def reached(self, part: float, words: str) -> None:
        """Move the bar; where there is none, say every twentieth."""
        self._bar.update(self._task, completed=part, description=words)
        if not self._console.is_terminal and (part >= self._told + 0.05 or part >= 1):
            self._told = part
            self.said(f"{100 * part:3.0f} %  {words}")
