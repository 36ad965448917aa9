"""The authors' names of TTVSR's weights in ours.

Their files are what mmediting saves, {"state_dict": ...} with `generator.` before every name and a counter of the
training beside them.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import RESIDUAL
from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.spynet import KEY_MAP as SPYNET

_LAYERS = {
    **prefixed(SPYNET, theirs="spynet", ours="flow"),
    "feat_extractor.main.0": "features.0",
    "feat_extractor.main.2": "features.2",
    "LTAM.fusion": "walk.attend.fuse",
    "resblocks.main.0": "walk.blocks.0",
    "resblocks.main.2": "walk.blocks.2",
    "fusion": "fuse.0",
    "upsample1.upsample_conv": "tail.0",
    "upsample2.upsample_conv": "tail.3",
    "conv_hr": "tail.6",
    "conv_last": "tail.8",
}

KEY_MAP = prefixed(_LAYERS, theirs="generator")
"""The release's layers, or blocks of layers, in ours, for `renamed`."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `ttvsr()`. Raises DataError for a foreign name."""
    return renamed(state, KEY_MAP, parts=RESIDUAL, dead=("step_counter",))
