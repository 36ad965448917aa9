"""`harness list`: what there is. Loads no torch."""

from enum import StrEnum
from typing import Annotated

import typer

from harness.cli.common import Cards, DataRoot, Json, Plugin, data_root


class Topic(StrEnum):
    """What can be listed."""

    METHODS = "methods"
    DATASETS = "datasets"
    PROTOCOLS = "protocols"
    NETWORKS = "networks"
    METRICS = "metrics"
    TABLES = "tables"


def list_cards(
    topic: Annotated[Topic | None, typer.Argument(help="One list only. Default: all of them.")] = None,
    *,
    cards: Cards = None,
    plugin: Plugin = None,
    root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """List methods (ready, or what they lack), datasets, protocols, networks, metrics and tables."""
    from harness.cards.library import CardLibrary, card_folders
    from harness.cli.catalogue import SECTIONS, Inventory
    from harness.cli.listing import print_sections
    from harness.upscalers.registry import load_plugin

    for file in plugin or ():
        load_plugin(file)
    inventory = Inventory(CardLibrary(card_folders(cards or ())), data_root(root))
    sections = [SECTIONS[name](inventory) for name in ([topic] if topic else Topic)]
    print_sections(sections, as_json=as_json)
