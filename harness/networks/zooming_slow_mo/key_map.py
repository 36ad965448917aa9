"""The authors' names of the weights in ours; TMNet keeps most of these names."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import BIDIRECTIONAL_LSTM, EASY_PCD, PICTURE_LAYERS, RESIDUAL
from harness.networks.layers.renaming import prefixed, renamed

FRAME_BY_FRAME = {
    "conv_first": "features.0",
    "feature_extraction": "features.2",
    "recon_trunk": "trunk",
    **prefixed(PICTURE_LAYERS, ours="tail"),
}
"""What sees one frame alone."""

_LAYERS = {
    **FRAME_BY_FRAME,
    **prefixed(EASY_PCD, ours="interpolation"),
    **prefixed(BIDIRECTIONAL_LSTM, theirs="ConvBLSTM", ours="recurrence"),
}


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `build_zooming_slow_mo()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=RESIDUAL)
