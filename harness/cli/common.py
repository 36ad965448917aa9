"""Options that several verbs share, and how a verb ends."""

import os
from pathlib import Path
from typing import Annotated

import typer

DataRoot = Annotated[
    Path | None,
    typer.Option("--data-root", metavar="DIR", help="Where the datasets lie. Default: HARNESS_DATA, else ./data."),
]
Results = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", help="Where records go. Default: HARNESS_RESULTS, else ./results."),
]
Cards = Annotated[
    list[Path] | None,
    typer.Option("--cards", metavar="DIR", help="A folder of your own cards (also: HARNESS_CARDS). Repeatable."),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE.py", help="A Python file that registers your own network. Repeatable."),
]
TaskName = Annotated[
    str,
    typer.Option(
        "--task", metavar="NAME", help="space-time; interpolation or super-resolution for one of them by itself."
    ),
]
Rate = Annotated[
    int | None, typer.Option("--rate", min=1, help="Temporal factor: 2, the default, is one frame between two.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the product as JSON, and nothing else.")]


def data_root(given: Path | None) -> Path:
    """The folder that holds the datasets."""
    return given or Path(os.environ.get("HARNESS_DATA", "data"))


def results_folder(given: Path | None) -> Path:
    """The folder that holds the records."""
    return given or Path(os.environ.get("HARNESS_RESULTS", "results"))


def reports_folder(results: Path | None) -> Path:
    """Where tables and pictures go: ./reports, or inside a results folder that the user chose."""
    if "HARNESS_REPORTS" in os.environ:
        return Path(os.environ["HARNESS_REPORTS"])
    return results / "reports" if results is not None else Path("reports")
