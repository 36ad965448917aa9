"""What `harness sweep` and `harness ablate` have in common: their options."""

from pathlib import Path
from typing import Annotated

import typer

_WHAT, _HOW, _WHERE = "What is compared", "How it is run", "Where things are"

Data = Annotated[
    str,
    typer.Option("--data", metavar="DIR", help="What is learned from, as in `harness train`.", rich_help_panel=_WHAT),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME",
        help="paper, evening, minutes, smoke, or a TOML file. Default: the card's.",
        rich_help_panel=_WHAT,
    ),
]
Seeds = Annotated[
    int, typer.Option(min=1, metavar="N", help="Every row is trained under seeds 0 to N-1.", rich_help_panel=_WHAT)
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        "-d",
        metavar="NAME",
        help="Every cell is scored on it. Repeatable. Default: vid4 where it is here, else demo.",
        rich_help_panel=_WHAT,
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override card or recipe of every cell: options.channels=32, recipe.batch=8. Repeatable.",
        rich_help_panel=_WHAT,
    ),
]
Init = Annotated[
    Path | None,
    typer.Option("--init", metavar="FILE", help="Every cell starts from these weights.", rich_help_panel=_WHAT),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Of the study. Default: what it is about.", rich_help_panel=_WHAT),
]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:1, …; several run as many cells at once. Repeatable.",
        rich_help_panel=_HOW,
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Run cells on this Ray cluster (extra `cluster`); its nodes share --results and --data.",
        rich_help_panel=_HOW,
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-cell",
        min=0,
        metavar="N",
        help="With --ray. Default: 1 where there are some.",
        rich_help_panel=_HOW,
    ),
]
Cpus = Annotated[float, typer.Option("--cpus-per-cell", min=0, metavar="N", help="With --ray.", rich_help_panel=_HOW)]
Half = Annotated[bool, typer.Option("--half", help="Export fp16 weights.", rich_help_panel=_HOW)]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show plan, estimate and commands, and stop.", rich_help_panel=_HOW),
]
Vgg = Annotated[
    Path | None,
    typer.Option("--vgg19", metavar="FILE", help="VGG-19 (also: HARNESS_VGG19).", rich_help_panel=_WHERE),
]
