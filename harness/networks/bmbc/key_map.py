"""The authors' names of the weights in ours: three files, merged under a prefix each."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.bmbc.residual_dense import KEY_MAP as FILTERS
from harness.networks.bmbc.residual_dense import PARTS as FILTER_PARTS
from harness.networks.layers.pwc import DEAD
from harness.networks.layers.pwc import KEY_MAP as MOTION
from harness.networks.layers.renaming import prefixed, renamed

PARTS = {"BMNet_weights.pth": "BMNet.", "DFNet_weights.pth": "DFNet.", "context_layer.pth": "context_layer."}
"""A released file -> what stands before its names where all of them are one state dict."""

_LAYERS = {
    **prefixed(MOTION, theirs="BMNet", ours="motion"),
    **prefixed(FILTERS, theirs="DFNet", ours="filters"),
    "context_layer": "context.0",
}

_DEAD = tuple(f"BMNet.{name}" for name in DEAD)


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' three files, merged, as the state of `bmbc()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=FILTER_PARTS, dead=_DEAD)
