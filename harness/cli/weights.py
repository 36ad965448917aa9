"""`harness weights`: which weights are here, where the others can be had, and how they get here."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import Cards, Json, Plugin

app = typer.Typer(
    name="weights", help="List the weights of all methods, and add what their authors publish.", no_args_is_help=True
)


@app.command("list")
def list_weights(
    method: Annotated[list[str] | None, typer.Argument(metavar="[METHOD]...", help="Default: all methods.")] = None,
    *,
    missing: Annotated[bool, typer.Option("--missing", help="Only those that are not here.")] = False,
    cards: Cards = None,
    plugin: Plugin = None,
    as_json: Json = False,
) -> None:
    """For every method that learns: which weights it has, where they can be had, under which licence."""
    from harness.cards.library import CardLibrary, card_folders
    from harness.cli.listing import print_sections
    from harness.cli.weights_catalogue import weights_section
    from harness.upscalers.registry import load_plugin

    for file in plugin or ():
        load_plugin(file)
    section = weights_section(CardLibrary(card_folders(cards or ())), method or (), missing=missing)
    print_sections([section], as_json=as_json)


@app.command()
def add(
    file: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="What the authors publish: a file, several, or a zip.")
    ],
    *,
    method: Annotated[
        str, typer.Option("--method", "-m", metavar="NAME", help="For which method; NAME@TAG where it has several.")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Options of the network: options.channels=32."),
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Take other bytes than the card means, if names and shapes fit.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a file that is there.")] = False,
    cards: Cards = None,
    plugin: Plugin = None,
) -> None:
    """Recognise, verify and keep published weights as safetensors. What a file wants to run is never run."""
    from harness.cards import CardLibrary, Overrides, card_folders
    from harness.cards.weights import weights_folder
    from harness.errors import UsageError
    from harness.evaluation.plan import method_card
    from harness.upscalers.adding import add_weights
    from harness.upscalers.build import build_trainee, trained_module
    from harness.upscalers.registry import load_plugin

    for plug in plugin or ():
        load_plugin(plug)
    library = CardLibrary(card_folders(cards or ()))
    card, tag = method_card(method, library, Overrides.parse(set_ or ()))
    if card.network is None:
        stages = " or ".join(f"--method {name}" for name in card.networks)
        raise UsageError(f"'{card.name}' has two networks.", todo=f"add the weights of each by itself: {stages}")
    trained = trained_module(build_trainee(card, library).network)
    added = add_weights(file, card, trained, tag=tag, folder=weights_folder(), unverified=unverified, replace=replace)
    names = "names as they were" if added.key_map is None else f"names by the key table {added.key_map}"
    typer.echo(f"weights  {card.name}@{added.tag}: {added.parameters:,} numbers, {names}")
    typer.echo(f"proof    {added.proof}")
    typer.echo(f"licence  {card.weights[added.tag].licence}")
    typer.echo(f"kept     {added.path}")
