"""Losses of many steps, added up on the device and fetched all at once: fetching is what waits for the device."""

import math
from collections import Counter

import torch
from torch import Tensor

from harness.training.losses.objective import Losses
from harness.training.team import Team


class Ledger:
    """The losses since they were last read, and the rates of the steps that they are of."""

    def __init__(self) -> None:
        self.rates: Counter[int] = Counter()
        self._names: list[str] = []
        self._sums: Tensor | None = None

    def add(self, losses: Losses, *, share: float) -> None:
        """Take in a part of a step's batch; `share` is its part of the whole batch."""
        self._names = ["total", *losses.terms]
        values = torch.stack([losses.total.detach(), *losses.terms.values()]).float() * share
        self._sums = values if self._sums is None else self._sums + values

    def read(self, team: Team) -> dict[str, float]:
        """Mean losses of a step over all processes, by name, "total" first; then the ledger is empty."""
        if self._sums is None:
            return {}
        values = (team.sum(self._sums) / self.rates.total()).tolist()
        self._sums, self.rates = None, Counter()
        return dict(zip(self._names, values, strict=True))


def in_words(losses: dict[str, float]) -> str:
    """One line."""
    return " ".join(f"{name} {value:.4g}" for name, value in losses.items())


def finite(losses: dict[str, float]) -> bool:
    """Whether all are numbers."""
    return all(math.isfinite(value) for value in losses.values())
