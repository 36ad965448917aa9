"""The authors' names of the weights in ours. The encoder's are Zooming Slow-Mo's."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import BIDIRECTIONAL_LSTM, EASY_PCD, RESIDUAL
from harness.networks.layers.renaming import prefixed, renamed

_ENCODER = {
    "conv_first": "features.0",
    "feature_extraction": "features.2",
    **prefixed(EASY_PCD, ours="interpolation"),
    **prefixed(BIDIRECTIONAL_LSTM, theirs="ConvBLSTM", ours="recurrence"),
    "recon_trunk": "trunk",
}

_DECODER = {
    f"{theirs}_imnet.net.{k}{'.linear' if k < last else ''}": f"decoder.{ours}.layers.{k}"
    for theirs, ours, last in (("feat", "spatial", 3), ("flow", "temporal", 3), ("encode", "colour", 4))
    for k in range(last + 1)
}

_LAYERS = {**prefixed(_ENCODER, ours="encoder"), **_DECODER}

_DEAD = ("upconv1.", "upconv2.", "HRconv.", "conv_last.")
"""Layers of Zooming Slow-Mo that the release keeps and never uses."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `build_videoinr()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=RESIDUAL, dead=_DEAD)
