"""`harness plot`: figures from records."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import Cards, Json, Results, reports_folder, results_folder

app = typer.Typer(name="plot", no_args_is_help=True)

_WHICH = "Which trainings, where there are several sets"


@app.callback()
def plot() -> None:
    """Draw figures from records. Nothing is measured."""


@app.command("loss-weights")
def loss_weights(
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only the trainings of this study.", rich_help_panel=_WHICH),
    ] = None,
    method: Annotated[str | None, typer.Option("--method", "-m", metavar="NAME", rich_help_panel=_WHICH)] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", metavar="NAME", rich_help_panel=_WHICH)] = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Temporal factor.", rich_help_panel=_WHICH)] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            metavar="HASH", help="Start of the hash of recipe, data and first weights.", rich_help_panel=_WHICH
        ),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="NAME", help="Measured under these rules. Default: the dataset's own.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="PNG, PDF or SVG, by suffix. Default: below reports/."),
    ] = None,
    results: Results = None,
    cards: Cards = None,
    json_: Json = False,
) -> None:
    """PSNR and SSIM over the weights of the perceptual and the motion loss, as the paper's Fig. 7.

    Drawn are trainings that differ in nothing but these weights and the seed, such as `harness sweep` makes.
    """
    from harness.cards import CardLibrary, card_folders
    from harness.records.store import ResultStore
    from harness.records.study import read_study, studies
    from harness.reports.loss_weights import as_json
    from harness.reports.loss_weights import loss_weights as curves
    from harness.reports.weight_sets import Choice, Records

    folder = results_folder(results)
    records = Records(
        runs=ResultStore(folder).runs(),
        library=CardLibrary(card_folders(cards or ())),
        study=read_study(study, folder) if study is not None else None,
        studies=[read_study(name, folder) for name in studies(folder)] if study is None else (),
    )
    figure = curves(records, Choice(method, dataset, rate, setting), protocol=protocol)
    if json_:
        typer.echo(as_json(figure))
    if output is not None or not json_:
        from harness.reports.loss_weights_picture import draw_loss_weights

        name = f"loss-weights--{study or figure.method}--{figure.dataset}.png"
        typer.echo(f"plot     {draw_loss_weights(figure, output or reports_folder(results) / name)}", err=json_)
        for remark in figure.remarks:
            typer.echo(remark, err=True)
