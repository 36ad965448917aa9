"""The authors' names of the weights in ours: three files, merged under a prefix each."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.abme.asymmetric import KEY_MAP as ASYMMETRIC
from harness.networks.abme.grid_net import KEY_MAP as GRID_NET
from harness.networks.abme.synthesis import KEY_MAP as FEATURES
from harness.networks.layers.pwc import DEAD
from harness.networks.layers.pwc import KEY_MAP as SYMMETRIC
from harness.networks.layers.renaming import prefixed, renamed

PARTS = {"SBME_ckpt.pth": "SBMNet.", "ABMR_ckpt.pth": "ABMNet.", "SynNet_ckpt.pth": "SynNet."}
"""A released file -> what stands before its names where all of them are one state dict."""

_SYNTHESIS = {
    **FEATURES,
    **prefixed(GRID_NET, theirs="FilterNet", ours="filters"),
    **prefixed(GRID_NET, theirs="RefineNet", ours="refine"),
}

_LAYERS = {
    **prefixed(SYMMETRIC, theirs="SBMNet", ours="symmetric"),
    **prefixed(ASYMMETRIC, theirs="ABMNet", ours="asymmetric"),
    **prefixed(_SYNTHESIS, theirs="SynNet", ours="synthesis"),
}

_DEAD = (*(f"SBMNet.{name}" for name in DEAD), "SynNet.Filtering.")
"""Also a constant, the identity, that is in SynNet's file where it was saved in parallel training."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' three files, merged, as the state of `abme()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, dead=_DEAD)
