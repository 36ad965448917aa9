"""Which runs a table shows, which it leaves out, and under which signature each of its columns stands."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.cards.dataset import DatasetCard
from harness.cards.library import CardLibrary
from harness.cards.protocol import ProtocolCard
from harness.errors import UsageError
from harness.names import suggest
from harness.reports.measured import (
    LEFT_OUT,
    NOT_COMPUTED,
    NOT_MEASURED,
    ColumnSignature,
    Identity,
    RunLike,
    choose_run,
    choose_signature,
    column_signature,
    expected_otherwise,
    identity,
    measured_cell,
)
from harness.reports.model import Cell, Column

_FALLBACK_METRICS = ("psnr-y", "ssim-y")


@dataclass
class Selection:
    """The runs of a table.

    Args:
        runs: candidates; runs of untrained networks, on other datasets or at other rates are ignored.
        library: cards, for titles, default protocols and changed options.
        datasets: those that the table shows.
        rates: those that the table shows.
        protocol: what is asked for; default: each dataset's own.
    """

    runs: Sequence[RunLike]
    library: CardLibrary
    datasets: Sequence[str]
    rates: frozenset[int]
    protocol: str | None = None
    _signatures: dict[tuple[str, int, str], ColumnSignature | None] = field(default_factory=dict, repr=False)
    _candidates: dict[tuple[str, int, str], list[RunLike]] = field(default_factory=dict, repr=False)
    _shown: set[str] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self.runs = [
            run
            for run in self.runs
            if not run.header.untrained and run.header.dataset in self.datasets and run.header.rate in self.rates
        ]
        self._identities = {run.header.key: identity(run.header, self.library) for run in self.runs}

    def who(self, run: RunLike) -> Identity:
        """Who was measured in this run."""
        return self._identities[run.header.key]

    def protocol_of(self, dataset: str) -> str:
        """The protocol under which the dataset is shown."""
        if self.protocol is not None:
            return self.protocol
        if dataset in self.library.names(DatasetCard):
            return self.library.dataset(dataset).protocol
        own = [run.header.dataset_card.get("protocol") for run in self.runs if run.header.dataset == dataset]
        return next((name for name in own if isinstance(name, str)), DatasetCard.model_fields["protocol"].default)

    def metrics_of(self, dataset: str) -> tuple[str, str]:
        """The names of PSNR and SSIM under the dataset's protocol."""
        card = self._protocol_card(dataset)
        return card.metrics if card is not None else _FALLBACK_METRICS

    def title(self, dataset: str) -> str:
        """The dataset's name for people."""
        if dataset in self.library.names(DatasetCard):
            return self.library.dataset(dataset).title
        return next((run.header.dataset_title for run in self.runs if run.header.dataset == dataset), dataset)

    def signature(self, dataset: str, rate: int, metric: str) -> ColumnSignature | None:
        """The signature under which this column stands at this rate; None: nothing was measured."""
        key = (dataset, rate, metric)
        if key not in self._signatures:
            runs = [run for run in self._under_protocol(dataset) if run.header.rate == rate]
            card = self._protocol_card(dataset)
            standard = card.signature(rate=rate, scale=runs[0].header.scale) if card is not None and runs else None
            self._signatures[key] = choose_signature(runs, metric, standard=standard)
        return self._signatures[key]

    def candidates(self, dataset: str, rate: int, metric: str) -> list[RunLike]:
        """The runs that may stand in this column at this rate."""
        key = (dataset, rate, metric)
        if key not in self._candidates:
            wanted = self.signature(*key)
            runs = [run for run in self._under_protocol(dataset) if run.header.rate == rate]
            self._candidates[key] = [
                run for run in runs if metric in run.header.metrics and column_signature(run.header, metric) == wanted
            ]
        return self._candidates[key]

    def everybody(self, columns: Iterable[Column]) -> dict[tuple[Identity, int], str]:
        """Who has a number in one of these columns, at which rate, by name for people; in the order of the runs."""
        keys = {
            run.header.key
            for column in columns
            for rate in self.rates
            for run in self.candidates(column.dataset, rate, column.metric)
        }
        return {
            (self.who(run), run.header.rate): f"{run.header.method_title}{self.who(run).suffix}"
            for run in self.runs
            if run.header.key in keys
        }

    def trainings(self, who: Identity, rate: int) -> tuple[str, ...]:
        """Notes on weights that were trained here: their budget is theirs, not the paper's."""
        runs = [run for run in self.runs if run.header.rate == rate and self.who(run) == who]
        budgets = [weights.training.budget for run in runs for weights in run.header.weights if weights.training]
        return tuple(f"trained by this harness: {budget}" for budget in dict.fromkeys(budgets))

    def notes(self, who: Identity, rate: int) -> tuple[str, ...]:
        """What must be said of the weights behind a row: their training, or that they expect other LR frames."""
        runs = [run for run in self.runs if run.header.rate == rate and self.who(run) == who]
        foreign = [note for run in runs for note in expected_otherwise(run.header)]
        return (*self.trainings(who, rate), *dict.fromkeys(foreign))

    def plain(self, method: str, rate: int) -> Identity:
        """Who stands in the method's own row: options and losses unchanged, the weights with most runs at this rate.

        Released weights come before weights that were trained here, which may have any budget.
        """
        runs = [run for run in self.runs if run.header.rate == rate]
        found = Counter(self.who(run) for run in runs if self.who(run).method == method and not self.who(run).changes)
        place = {who: (not self.trainings(who, rate), found[who], who) for who in found}
        return max(found, key=place.__getitem__) if found else Identity(method, "", "")

    def measured(self, dataset: str, metrics: Iterable[str]) -> bool:
        """There is at least one number to show for this dataset."""
        return any(self.candidates(dataset, rate, metric) for rate in self.rates for metric in metrics)

    def choose(
        self, column: Column, rate: int, fits: Callable[[RunLike], bool]
    ) -> tuple[RunLike, tuple[str, ...]] | None:
        """The run that stands for those of this column that fit, with a note on the choice; None where none fits."""
        runs = [run for run in self.candidates(column.dataset, rate, column.metric) if fits(run)]
        # Those that lost were a choice: they are named in the note, not left out of the table.
        self._shown.update(run.header.key for run in runs)
        return choose_run(runs)

    def cell(self, who: Identity, column: Column, rate: int, *, reason: str = NOT_MEASURED) -> Cell:
        """The number of `who` in a column, or `reason`."""
        chosen = self.choose(column, rate, lambda run: self.who(run) == who)
        if chosen is None:
            return Cell.empty(self._why_empty(who, column, rate) or reason)
        run, notes = chosen
        return measured_cell(run, column, notes=notes)

    def signatures(self, columns: Sequence[Column]) -> dict[str, list[str]]:
        """The signatures of measured columns, each with where it holds: datasets, and rates if there are several."""
        lines: dict[str, list[str]] = {}
        for dataset in dict.fromkeys(column.dataset for column in columns):
            metrics = [column.metric for column in columns if column.dataset == dataset]
            for rate in sorted(self.rates):
                found = [one for metric in metrics if (one := self.signature(dataset, rate, metric)) is not None]
                for protocol in dict.fromkeys(one.protocol for one in found):
                    shown = " ".join(dict.fromkeys(one.metric for one in found if one.protocol == protocol))
                    where = self.title(dataset) + (f" at rate {rate}" if len(self.rates) > 1 else "")
                    lines.setdefault(str(ColumnSignature(protocol, shown)), []).append(where)
        return lines

    def left_out(
        self, methods: Iterable[Identity], *, called: Callable[[RunLike], str] | None = None
    ) -> tuple[str, ...]:
        """Remarks on runs of these methods that the table could show and does not, and why.

        Args:
            methods: those that the table shows.
            called: what a run is called; default: its method, weights and changes.
        """
        wanted = {who.method for who in methods}
        under: dict[str, list[str]] = {}
        for run in self.runs:
            header, who = run.header, self.who(run)
            if who.method not in wanted or header.key in self._shown:
                continue
            name = called(run) if called is not None else f"{who.method}{who.suffix}"
            under.setdefault(self._why(run), []).append(f"{name} on {header.dataset}")
        return tuple(f"Left out, because {why}: {', '.join(dict.fromkeys(runs))}." for why, runs in under.items())

    def _why_empty(self, who: Identity, column: Column, rate: int) -> str:
        """Why a method that was measured on this dataset has no number; empty: it was not measured."""
        runs = [run for run in self.runs if (run.header.dataset, run.header.rate) == (column.dataset, rate)]
        own = [run for run in runs if self.who(run) == who]
        if any(run in self.candidates(column.dataset, rate, metric) for run in own for metric in run.header.metrics):
            return NOT_COMPUTED
        return LEFT_OUT if any(self.who(run).method == who.method for run in runs) else ""

    def _why(self, run: RunLike) -> str:
        header = run.header
        if header.protocol != self.protocol_of(header.dataset):
            return f"they were measured under another protocol (--protocol {header.protocol} shows them)"
        signatures = {self.signature(header.dataset, header.rate, metric) for metric in header.metrics}
        if not any(column_signature(header, metric) in signatures for metric in header.metrics):
            return "their signature is another one (windows, overrides or metric versions differ)"
        return "their weights or options are not those of the row (harness table leaderboard shows them)"

    def _under_protocol(self, dataset: str) -> list[RunLike]:
        wanted = self.protocol_of(dataset)
        return [run for run in self.runs if run.header.dataset == dataset and run.header.protocol == wanted]

    def _protocol_card(self, dataset: str) -> ProtocolCard | None:
        name = self.protocol_of(dataset)
        if self.protocol is None and name not in self.library.names(ProtocolCard):
            return None  # a record from elsewhere, under a protocol whose card is not here
        return self.library.protocol(name)


def check_datasets(wanted: Sequence[str], known: Sequence[str], *, what: str) -> Sequence[str]:
    """`wanted` in its own order, or all that are known. Raises UsageError for a name that is not there."""
    for name in wanted:
        if name not in known:
            raise UsageError(f"{what} has no dataset '{name}'.", todo=suggest(name, known))
    return list(dict.fromkeys(wanted)) or list(known)


def signature_lines(signatures: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Signatures as lines for people; where there is one for the whole table, it needs no place."""
    if len(signatures) == 1:
        return tuple(signatures)
    return tuple(f"{', '.join(where)}: {text}" for text, where in signatures.items())
