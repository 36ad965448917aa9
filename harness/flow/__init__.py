"""Optical flow: estimators behind one interface, imported only when one is asked for.

`FLOWS` names them without importing torch; `get_flow("farneback")` builds one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.names import suggest

if TYPE_CHECKING:
    from harness.flow.base import FlowEstimator

FLOWS: dict[str, str] = {
    "farneback": "harness.flow.farneback:Farneback",
    "spynet": "harness.flow.spynet:SPyNetFlow",
    "variational": "harness.flow.variational:Variational",
}
"""Name -> "module:Class"; a new estimator is one file and one line here."""


def get_flow(name: str, **options: object) -> FlowEstimator:
    """The flow estimator called `name`.

    Args:
        name: a key of FLOWS.
        options: passed on to its constructor, e.g. grey="release" for "farneback".

    Raises:
        UsageError: there is no such estimator.
        DataError: its weights are not here.
    """
    if name not in FLOWS:
        raise UsageError("There is no optical flow of this name.", found=f"'{name}'", todo=suggest(name, FLOWS))
    module, _, attribute = FLOWS[name].partition(":")
    estimator: FlowEstimator = getattr(import_module(module), attribute)(**options)
    return estimator
