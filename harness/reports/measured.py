"""From runs to cells: which run stands for a cell, and what must be said with its number.

Numbers under different signatures never share a column: of all runs on one benchmark at one rate, those of one
signature are shown and the others are named as left out. Of several runs of the same method on the same benchmark,
the fp32 one is shown, then the most complete one. Runs of untrained networks are never shown.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from harness.cards.library import CardLibrary
from harness.errors import CardError
from harness.records.schema import ClipLine, RunHeader
from harness.records.summary import AverageRule, average, coverage
from harness.reports.model import Cell, Column, printed
from harness.training.options import training_options

NOT_MEASURED = "not measured yet"
LEFT_OUT = "measured, but left out (see below)"
NOT_COMPUTED = "this metric was not computed"
_MOST_CHANGES = 3
_DEGRADATIONS = {"bicubic": "the bicubic kernel", "gaussian-blur": "a Gaussian blur"}


class RunLike(Protocol):
    """What a table needs of a run (`harness.records.store.Run` is one)."""

    @property
    def header(self) -> RunHeader:
        """What was run."""
        ...

    @property
    def lines(self) -> Mapping[str, ClipLine]:
        """The latest line of every clip."""
        ...


@dataclass(frozen=True, order=True)
class Identity:
    """Who was measured: method, weights and changed options are three things.

    Args:
        method: the card's name.
        weights: tags of the weights that were loaded, `authors`; empty for networks that learn nothing.
        changes: what `--set` changed on the card, `options.window=4`.
    """

    method: str
    weights: str
    changes: str

    @property
    def suffix(self) -> str:
        """What tells this one from its method's plain row."""
        parts = [part for part in (self.weights, self.changes) if part]
        return f" ({'; '.join(parts)})" if parts else ""


def identity(header: RunHeader, library: CardLibrary | None = None) -> Identity:
    """Who ran. Without a library nothing is known of changed options."""
    method = header.method.partition("@")[0]
    tags = dict.fromkeys(weights.tag for weights in header.weights)
    changes = ""
    if library is not None:
        both = (card_changes(method, header.method_card, library), training_changes(method, header, library))
        changes = ", ".join(filter(None, both))
    return Identity(method, "+".join(tags), changes)


def card_changes(method: str, recorded: Mapping[str, object], library: CardLibrary) -> str:
    """How the card of a run differs from the card of today in what decides numbers; empty: it does not."""
    try:
        card = library.method(method)
    except CardError:
        return ""  # a card that is no longer there, or a plug-in's network: nothing to compare with
    then = _flat(recorded)
    if not then:
        return ""  # a record that does not say
    todays = [_flat(form.decisive()) for form in (card, library.with_stages(card))]
    if then in todays:
        return ""
    now = todays[-1]
    keys = sorted(key for key in then.keys() | now.keys() if then.get(key) != now.get(key))
    changed = [f"{key}={then.get(key, 'default')}" for key in keys]
    return ", ".join(changed[:_MOST_CHANGES]) + (", …" if len(changed) > _MOST_CHANGES else "")


def training_changes(method: str, header: RunHeader, library: CardLibrary, *, but: Collection[str] = ()) -> str:
    """How the losses of weights that were trained here differ from those of the card of today; empty: they do not.

    Args:
        method: name of the card.
        header: of the run.
        library: cards.
        but: options that do not matter.
    """
    options = [weights.training.options for weights in header.weights if weights.training]
    then = {key: value for one in options for key, value in one.items() if key not in but}
    try:
        now = training_options(library.method(method)).model_dump(mode="json") if then else {}
    except CardError:
        return ""
    return ", ".join(f"training.{key}={value}" for key, value in then.items() if now.get(key, value) != value)


def _flat(card: Mapping[str, object]) -> dict[str, object]:
    """Networks and options of a card as flat keys, defaults left out."""
    flat: dict[str, object] = {}
    parts = {"": card} | {f"{stage}.": card.get(stage) for stage in ("interpolation", "super_resolution")}
    for prefix, part in parts.items():
        if not isinstance(part, Mapping):
            continue
        options = part.get("options")
        if isinstance(options, Mapping):
            flat |= {f"{prefix}options.{key}": value for key, value in options.items()}
        if part.get("network") is not None:
            flat[f"{prefix}network"] = part["network"]
    return flat


class ColumnSignature(NamedTuple):
    """What two numbers of one metric must share to stand in one column."""

    protocol: str
    metric: str

    def __str__(self) -> str:
        return "|".join(part for part in self if part)


def column_signature(header: RunHeader, metric: str) -> ColumnSignature:
    """The part of a run's signature that decides one metric: what it says of other metrics is left out."""
    words = [word for part in header.signature.split("|") for word in part.split(" ") if word]
    about = {word: match[0] if (match := re.match(r"[a-z0-9-]+", word)) else "" for word in words}
    protocol = "|".join(word for word, name in about.items() if name not in header.metrics)
    return ColumnSignature(protocol, " ".join(word for word, name in about.items() if name == metric))


def choose_signature(runs: Sequence[RunLike], metric: str, *, standard: str | None = None) -> ColumnSignature | None:
    """The signature that a column shows.

    Args:
        runs: runs on one benchmark at one rate under the protocol that is asked for.
        metric: as in records.
        standard: the protocol's own signature; preferred to one with overrides.

    Returns:
        None when no run has the metric; else the standard one where there is one, then the most frequent one.
    """
    found = Counter(column_signature(run.header, metric) for run in runs if metric in run.header.metrics)
    return max(found, key=lambda one: (one.protocol == standard, found[one], one)) if found else None


def choose_run(runs: Iterable[RunLike]) -> tuple[RunLike, tuple[str, ...]] | None:
    """The run that stands for a cell, and a note where there was a choice; None of no runs."""
    ranked = sorted(runs, key=preference)
    if not ranked:
        return None
    titles = list(dict.fromkeys(f"{run.header.precision} on {run.header.device}" for run in ranked))
    if len(ranked) == 1:
        return ranked[0], ()
    if len(titles) > 1:
        return ranked[0], (f"{titles[0]} is shown; also measured: {', '.join(titles[1:])}",)
    return ranked[0], (f"record {ranked[0].header.key[:10]}, one of {len(ranked)} of the same name",)


def preference(run: RunLike) -> tuple[bool, bool, int, str, str]:
    """Runs that come first stand for the others: fp32, then complete, then the one with most clips."""
    seen = coverage(run.lines.values(), run.header.clips)
    return (run.header.precision != "fp32", not seen.complete, -seen.done, run.header.device, run.header.key)


def measured_cell(run: RunLike, column: Column, *, notes: tuple[str, ...] = ()) -> Cell:
    """One average with what must be said of it; partial ones are never rankable."""
    header = run.header
    lines = list(run.lines.values())
    seen = coverage(lines, header.clips)
    own = frozenset(header.clips)
    value = average((line for line in lines if line.clip in own), column.metric, average_rule(header))
    if math.isnan(value):
        return Cell.empty(f"no number: {seen.words}" if not seen.complete else "undefined for every frame")
    return Cell(
        value=value,
        text=printed(value, column.decimals),
        notes=notes if seen.complete else (f"partial: {seen.words}", *notes),
        rankable=seen.complete,
        done=seen.done,
        expected=seen.expected,
        signature=str(column_signature(header, column.metric)),
    )


def expected_otherwise(header: RunHeader) -> tuple[str, ...]:
    """Notes on weights that were trained on LR frames of another degradation than the protocol makes."""
    words = header.signature.split("|")
    kernel = next((word.removeprefix("lr:") for word in words if word.startswith("lr:")), "")
    foreign = [weights for weights in header.weights if header.scale > 1 and weights.degradation not in kernel]
    return tuple(
        f"the weights '{weights.tag}' expect LR frames made by {_DEGRADATIONS[weights.degradation]}"
        for weights in foreign
    )


def average_rule(header: RunHeader) -> AverageRule:
    """The averaging of the run's protocol."""
    return "frames>clips>folders" if header.average == "frames>clips>folders" else "frames>clips"
