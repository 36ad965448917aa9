"""How networks are checked against numbers of their authors' own: the list of those that can be.

A reference is a file of arrays (inputs, outputs, intermediates) and what is known about the network that made them (a
golden, see `golden`). Weights follow from their names by a rule (see `weights`), so a reference of any size is small.
Each network announces in one file how it is built, fed and watched (a `Check`, see `check`).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.names import suggest

if TYPE_CHECKING:
    from torch import nn

    from harness.networks.parity.check import Check

CHECKS: dict[str, str] = {
    "dain": "harness.networks.dain.parity:CHECK",
    "abme": "harness.networks.abme.parity:CHECK",
    "bmbc": "harness.networks.bmbc.parity:CHECK",
    "davsr": "harness.networks.davsr.parity:CHECK",
    "dbpn": "harness.networks.dbpn_parity:CHECK",
    "edvr": "harness.networks.edvr.parity:CHECK",
    "etdm": "harness.networks.etdm.parity:CHECK",
    "rstt": "harness.networks.rstt.parity:CHECK_L",
    "rstt-s": "harness.networks.rstt.parity:CHECK_S",
    "rbpn": "harness.networks.rbpn_parity:CHECK",
    "rcan": "harness.networks.rcan_parity:CHECK",
    "sepconv": "harness.networks.sepconv_parity:CHECK",
    "spynet": "harness.networks.spynet_parity:CHECK",
    "starnet": "harness.networks.starnet.parity:CHECK",
    "stinet": "harness.networks.stinet.parity:CHECK",
    "tmnet": "harness.networks.tmnet.parity:CHECK",
    "ttvsr": "harness.networks.ttvsr.parity:CHECK",
    "videoinr": "harness.networks.videoinr.parity:CHECK",
    "zooming-slow-mo": "harness.networks.zooming_slow_mo.parity:CHECK",
}
"""Network -> `module:object` of its Check, imported when it is asked for. A new network is one line here."""


def find_check(name: str) -> "Check[nn.Module]":
    """How network `name` is checked. Raises UsageError with the closest names."""
    from harness.networks.parity.check import Check  # noqa: PLC0415 - torch; the names are known without it

    if name not in CHECKS:
        raise UsageError(f"No network '{name}' can be checked against reference numbers.", todo=suggest(name, CHECKS))
    module, _, attribute = CHECKS[name].partition(":")
    found: object = getattr(import_module(module), attribute)
    if not isinstance(found, Check):
        raise UsageError(f"'{CHECKS[name]}' should be a Check.", found=type(found).__name__)
    return found
