"""`harness sweep`: one method, trained under every combination of some values, and scored."""

from typing import Annotated

import typer

from harness.cli import study_options as options
from harness.cli.common import Cards, DataRoot, Json, Plugin, Results

Method = Annotated[str, typer.Option("--method", "-m", metavar="NAME", help="A method.")]
Grid = Annotated[
    list[str],
    typer.Option(
        "--grid",
        metavar="KEY=A,B,…",
        help="Values of a key of card or recipe: training.lambda_per=0,0.1,1. Repeatable.",
    ),
]
OneAtATime = Annotated[
    bool,
    typer.Option("--one-at-a-time", help="Vary each key while the others stay as in the card, as in Fig. 7."),
]


def sweep(
    method: Method,
    data: options.Data,
    grid: Grid,
    one_at_a_time: OneAtATime = False,
    recipe: options.RecipeName = None,
    seeds: options.Seeds = 3,
    dataset: options.Datasets = None,
    set_: options.Assignments = None,
    init: options.Init = None,
    name: options.Name = None,
    device: options.Devices = None,
    ray: options.Ray = None,
    gpus_per_cell: options.Gpus = None,
    cpus_per_cell: options.Cpus = 1,
    half: options.Half = False,
    dry_run: options.DryRun = False,
    vgg19: options.Vgg = None,
    data_root: DataRoot = None,
    results: Results = None,
    cards: Cards = None,
    plugin: Plugin = None,
    json_: Json = False,
) -> None:
    """Train a method under every combination of values, and score each. The same command continues."""
    from harness.cli.study import conduct
    from harness.cli.study_request import How, Shared
    from harness.studies.grid import own_values, parse_grid, sweep_rows

    shared = Shared(
        data=data,
        recipe=recipe,
        sets=tuple(set_ or ()),
        seeds=seeds,
        datasets=tuple(dataset or ()),
        init=init,
        vgg=vgg19,
        half=half,
        name=name,
        data_root=data_root,
        results=results,
        cards=tuple(cards or ()),
        plugins=tuple(plugin or ()),
    )
    how = How(tuple(device or ()), ray, gpus_per_cell, cpus_per_cell, dry_run, json_)
    library = shared.library()
    values = parse_grid(grid)
    own = own_values(method, library, recipe=recipe, sets=shared.sets, grid=values)
    rows, full = sweep_rows(method, values, own, one_at_a_time=one_at_a_time)
    about = (method, "+".join(key.rpartition(".")[2] for key in values))
    conduct(shared.request("sweep", rows, full, library=library, on_ray=ray is not None, about=about), library, how)
