"""`harness ablate`: the rows of a table of the paper, trained under one budget, and scored."""

from typing import Annotated

import typer

from harness.cli import study_options as options
from harness.cli.common import Cards, DataRoot, Json, Plugin, Results

TableName = Annotated[
    str, typer.Option("--table", "-t", metavar="NAME", help="A table of the paper: I, II, III, IV, V or VI.")
]


def ablate(
    table: TableName,
    data: options.Data,
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
    """Train the rows of a table of the paper by one recipe, and score each. The same command continues."""
    from harness.cli.study import conduct
    from harness.cli.study_request import How, Shared
    from harness.records.reported import load_reported
    from harness.studies.ablation import ablation_rows

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
    key = table.upper()
    rows, full = ablation_rows(key, library, load_reported())
    about = (f"table-{key}",)
    conduct(
        shared.request("ablation", rows, full, library=library, on_ray=ray is not None, about=about, table=key),
        library,
        how,
    )
