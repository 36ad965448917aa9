"""What `harness weights list` shows: a row for each file of weights that a card names. Loads no torch."""

from collections.abc import Iterator, Sequence

from harness.cards.library import CardLibrary
from harness.cards.method import MethodCard
from harness.cards.weights import weights_folder, weights_path
from harness.cli.catalogue import place
from harness.cli.listing import NEVER, Column, Row, Section
from harness.upscalers.readiness import how_to_train
from harness.upscalers.registry import networks


def weights_section(library: CardLibrary, methods: Sequence[str], *, missing: bool) -> Section:
    """The weights of some methods, or of all that learn.

    Args:
        library: the cards.
        methods: names of methods; none for all. Two-stage methods stand for their stages.
        missing: only what is not here.

    Raises:
        CardError: no such method.
    """
    cards = [library.method(name) for name in methods or library.names(MethodCard)]
    stages = [name for card in cards if card.network is None for name in card.networks]
    known = library.names(MethodCard)
    names = dict.fromkeys([card.name for card in cards if card.network] + [name for name in stages if name in known])
    learned = sorted((card for card in map(library.method, names) if _learns(card)), key=place)
    rows = [row for card in learned for row in _rows(card, library)]
    here = sum(row["state"] == "here" for row in rows)
    shown = [row for row in rows if not missing or row["state"] != "here"]
    columns = (
        Column("method", "method"),
        Column("state", "weights"),
        Column("file", "file", from_width=110),
        Column("licence", "licence", from_width=150),
        Column("source", "where they are from", from_width=80),
        Column("hash", "hash", from_width=NEVER),
        Column("path", "path", from_width=NEVER),
    )
    summary = f"{here} here, {len(rows) - here} not, in {weights_folder()}"
    return Section("weights", summary, columns, tuple(shown), group="family")


def _learns(card: MethodCard) -> bool:
    entry = networks().get(card.network or "")
    return bool(card.weights) or (entry is not None and entry.learned)


def _rows(card: MethodCard, library: CardLibrary) -> Iterator[Row]:
    nothing = {"file": "", "licence": "", "hash": "", "path": ""}
    if not card.weights:
        source = f"none are published; {how_to_train(card.network or '', card, library)}"
        yield {"family": card.family, "method": card.name, "state": "none named", "source": source, **nothing}
    for tag, weights in card.weights.items():
        path = weights_path(weights.file, weights_folder())
        yield {
            "family": card.family,
            "method": f"{card.name}@{tag}",
            "state": "here" if path.is_file() else "not here",
            "source": weights.source,
            "file": weights.file,
            "licence": weights.licence,
            "hash": weights.sha256 or weights.git_blob or "",
            "path": str(path) if path.is_file() else "",
        }
