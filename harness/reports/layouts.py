"""The paper's tables as data (layouts.toml): this is its schema. No method is named in code."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import Field

from harness.cards.base import Model


class RowRange(Model):
    """Consecutive rows of the paper (`rows`: first and last), with their heading or the name of their group."""

    title: str = ""
    rows: tuple[int, int]

    def __contains__(self, row: object) -> bool:
        return isinstance(row, int) and self.rows[0] <= row <= self.rows[1]


class TableLayout(Model):
    """One table of the paper.

    `blocks` stand under a common heading; `groups` compete for best and second best, `ranking` says so in words;
    `speed` adds the column of frames per second, `extra` a block of methods that are not in the paper.
    """

    caption: str
    blocks: tuple[RowRange, ...]
    groups: tuple[RowRange, ...]
    ranking: str = "among all rows"
    speed: bool = False
    extra: bool = False

    def group_of(self, row: int) -> str:
        """The group in which this row competes; empty: none."""
        return next((group.title for group in self.groups if row in group), "")


class SpeedLayout(Model):
    """Where the paper takes its frames per second: a dataset, and the size of its HR frames in pixels."""

    dataset: str
    width: int
    height: int


class LossWeightLayout(Model):
    """One panel of the paper's figure of loss weights: what it calls the weight, and the value that it chose."""

    symbol: str
    loss: str
    chosen: float


class Layouts(Model):
    """All tables of the paper, and its figure of loss weights (by option of `[training]`)."""

    source: str
    datasets: tuple[str, ...]
    speed: SpeedLayout
    loss_weights: dict[str, LossWeightLayout]
    tables: dict[str, TableLayout] = Field(min_length=1)


@cache
def paper_layouts() -> Layouts:
    """The tables of the paper."""
    text = Path(__file__).with_name("layouts.toml").read_text(encoding="utf-8")
    return Layouts.model_validate(tomllib.loads(text))
