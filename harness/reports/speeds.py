"""The column of measured frames per second: one machine and one setup, or it would say nothing."""

from collections import defaultdict
from collections.abc import Iterable

from harness.cards.library import CardLibrary
from harness.records.speed import SpeedRecord, latest
from harness.reports.columns import FPS, paper_column
from harness.reports.layouts import SpeedLayout
from harness.reports.measured import NOT_MEASURED, card_changes
from harness.reports.model import Cell, printed

_DECIMALS = paper_column("", "", FPS).decimals


class Speeds:
    """The speed records that may stand in one column: those of the machine and setup that has most methods.

    Args:
        records: what `harness speed` left, oldest first.
        layout: the frame size of the paper's column.
        rate: temporal factor of the table.
        library: cards, to tell methods with changed options, which are not shown.
    """

    def __init__(
        self, records: Iterable[SpeedRecord], layout: SpeedLayout, *, rate: int, library: CardLibrary
    ) -> None:
        places: dict[tuple[str, str], dict[str, SpeedRecord]] = defaultdict(dict)
        for record in latest(records):
            setup = record.setup
            fits = (setup.width, setup.height, setup.rate) == (layout.width, layout.height, rate)
            method = record.method.partition("@")[0]
            if fits and not card_changes(method, record.method_card, library):
                places[record.machine, str(setup)][method] = record
        ranked = sorted(places, key=lambda place: (len(places[place]), _newest(places[place].values())))
        self._place = ranked[-1] if ranked else None
        self._others = len(ranked) - 1
        self._records = places[self._place] if self._place else {}

    def __bool__(self) -> bool:
        return bool(self._records)

    def cell(self, method: str, *, reason: str = NOT_MEASURED) -> Cell:
        """Frames per second of a method, without I/O, or `reason`."""
        record = self._records.get(method)
        if record is None:
            return Cell.empty(reason)
        value = record.frames_per_second
        return Cell(value=value, text=printed(value, _DECIMALS), rankable=True)

    @property
    def remarks(self) -> tuple[str, ...]:
        """On which machine, and how much was left out."""
        if self._place is None:
            return ()
        machine, setup = self._place
        more = f" Left out: durations of {self._others} other machines or setups." if self._others > 0 else ""
        return (f"Speed was measured on {machine} ({setup}).{more}",)


def _newest(records: Iterable[SpeedRecord]) -> str:
    return max(record.measured for record in records)
