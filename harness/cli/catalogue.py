"""What `harness list` shows, a section for each kind of thing. Loads no torch."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

from harness.cards.dataset import DatasetCard
from harness.cards.library import CardLibrary, compose_plugin
from harness.cards.method import Family, MethodCard, PaperRow, Table
from harness.cards.protocol import ProtocolCard
from harness.cli.listing import NEVER, Column, Row, Section
from harness.upscalers.readiness import Readiness, Status, readiness
from harness.upscalers.registry import NetworkEntry, networks


@dataclass(frozen=True)
class Inventory:
    """The cards that this process can see, each method with what it lacks."""

    library: CardLibrary
    data: Path

    @cached_property
    def methods(self) -> list[tuple[MethodCard, Readiness]]:
        """In the order of the families, then of the paper, then of the alphabet."""
        named = self.library.names(MethodCard)
        cards = [self.library.method(name) for name in named]
        cards += [
            compose_plugin(name) for name, entry in networks().items() if _from_outside(entry) and name not in named
        ]
        return [(card, readiness(card, self.library)) for card in sorted(cards, key=place)]


def _from_outside(entry: NetworkEntry) -> bool:
    """A network of a plug-in or another package that is a method by itself."""
    return entry.kind == "space-time" and not entry.target.startswith("harness.")


def place(card: MethodCard) -> tuple[int, list[tuple[int, int]], str]:
    """Where a method stands in lists: families, then the paper's rows, then the alphabet."""
    tables, families = get_args(Table), get_args(Family)
    rows = sorted((tables.index(row.table), row.row) for row in card.rows)
    return families.index(card.family), rows or [(len(tables), 0)], card.name


def _methods(inventory: Inventory) -> Section:
    count = Counter(ready.status for _, ready in inventory.methods)
    rows: list[Row] = [
        {
            "name": card.name,
            "title": card.title,
            "family": card.family,
            "rows": [row.model_dump() for row in card.rows],
            "networks": list(card.networks),
            "status": ready.status,
            "lacks": list(ready.lacks),
            "reason": ready.reason,
        }
        for card, ready in inventory.methods
    ]
    columns = (
        Column("name", "method"),
        Column("title", "title", from_width=100),
        Column("rows", "paper", text=_paper),
        Column("status", "status"),
        Column("lacks", "lacks"),
        Column("reason", "why", from_width=NEVER),
    )
    summary = " · ".join(f"{status} {count[status]}" for status in get_args(Status) if count[status])
    return Section("methods", summary, columns, tuple(rows), group="family")


def _paper(rows: object) -> str:
    """`I.19 II.2,4 III.3`: tables with their rows."""
    if not isinstance(rows, list):
        raise TypeError(type(rows).__name__)
    tables: dict[str, list[str]] = {}
    for row in map(PaperRow.model_validate, rows):
        tables.setdefault(row.table, []).append(str(row.row))
    return " ".join(f"{table}.{','.join(numbers)}" for table, numbers in tables.items())


def _datasets(inventory: Inventory) -> Section:
    cards = [inventory.library.dataset(name) for name in inventory.library.names(DatasetCard)]
    rows: list[Row] = [
        {
            "name": card.name,
            "title": card.title,
            "clips": _clips(card, inventory.library),
            "layout": card.layout,
            "protocol": card.protocol,
            "scale": card.scale,
            "data": _whereabouts(card, inventory.data),
        }
        for card in cards
    ]
    columns = (
        Column("name", "dataset"),
        Column("title", "title"),
        Column("clips", "clips", number=True),
        Column("layout", "layout", from_width=100),
        Column("protocol", "protocol"),
        Column("data", "data"),
    )
    summary = f"looked for in {inventory.data}{os.sep}; `harness data check NAME` verifies one"
    return Section("datasets", summary, columns, tuple(rows))


def _clips(card: DatasetCard, library: CardLibrary) -> int | None:
    manifest = library.manifest(card)
    return manifest.list.entries if manifest.list is not None else len(manifest.clips) or None


def _whereabouts(card: DatasetCard, root: Path) -> str:
    if card.layout == "procedural":
        return "built in"
    if not card.folders:
        return "yours"
    return "here" if any((root / folder).is_dir() for folder in card.folders) else "not here"


def _protocols(inventory: Inventory) -> Section:
    cards = [inventory.library.protocol(name) for name in inventory.library.names(ProtocolCard)]
    rows: list[Row] = [
        {
            "name": card.name,
            "title": card.title,
            "plane": card.plane,
            "quantise": card.quantise,
            "border": card.border,
            "tail": card.windows.tail,
            "average": card.average,
            "summary": card.summary,
        }
        for card in cards
    ]
    columns = (
        Column("name", "protocol"),
        Column("plane", "plane"),
        Column("quantise", "8 bit"),
        Column("border", "border", number=True),
        Column("tail", "tail"),
        Column("average", "average"),
        Column("summary", "what it is", from_width=120),
    )
    return Section("protocols", "how frames are scored", columns, tuple(rows))


def _networks(inventory: Inventory) -> Section:
    known = networks()
    named = {name for card, _ in inventory.methods for name in card.networks}
    rows: list[Row] = [
        {
            "name": name,
            "kind": entry.kind,
            "learned": entry.learned,
            "version": entry.version,
            "methods": sum(name in card.networks for card, _ in inventory.methods),
        }
        for name, entry in sorted(known.items())
    ]
    columns = (
        Column("name", "network"),
        Column("kind", "kind"),
        Column("learned", "learned"),
        Column("methods", "methods", number=True),
        Column("version", "version"),
    )
    summary = f"{len(known)} in this version; cards name {len(named - known.keys())} more"
    return Section("networks", summary, columns, tuple(rows))


def _metrics(_: Inventory) -> Section:
    from harness.metrics import METRICS

    rows: list[Row] = [
        {
            "name": info.name,
            "title": info.title,
            "unit": info.unit,
            "higher_is_better": info.higher_is_better,
            "decimals": info.decimals,
            "extra": info.extra,
        }
        for info in METRICS.values()
    ]
    columns = (
        Column("name", "metric"),
        Column("title", "title"),
        Column("unit", "unit"),
        Column("higher_is_better", "better", text=lambda higher: "↑ higher" if higher else "↓ lower"),
        Column("decimals", "decimals", number=True),
        Column("extra", "extra"),
    )
    return Section("metrics", "one score a frame", columns, tuple(rows))


def _tables(inventory: Inventory) -> Section:
    from harness.reports.layouts import paper_layouts

    rows: list[Row] = [
        {"name": name, "title": layout.caption, **_rows_of(name, inventory.methods)}
        for name, layout in paper_layouts().tables.items()
    ]
    columns = (
        Column("name", "table"),
        Column("title", "what it compares"),
        Column("rows", "rows", number=True),
        Column("ready", "ready", number=True),
    )
    return Section(
        "tables", "of the paper; `harness table NAME`, or `harness table leaderboard`", columns, tuple(rows)
    )


def _rows_of(table: str, methods: Iterable[tuple[MethodCard, Readiness]]) -> Row:
    states = [ready.status for card, ready in methods for row in card.rows if row.table == table]
    return {"rows": len(states), "ready": states.count("ready")}


SECTIONS: dict[str, Callable[[Inventory], Section]] = {
    "methods": _methods,
    "datasets": _datasets,
    "protocols": _protocols,
    "networks": _networks,
    "metrics": _metrics,
    "tables": _tables,
}
