"""The authors' names of ETDM's weights in ours. Their file is a flat state dict, with `module.` before every name."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import RESIDUAL
from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.spynet import KEY_MAP as SPYNET

KEY_MAP = {
    **prefixed(SPYNET, theirs="spynet", ours="flow"),
    "neuro.neuro_lv.conv_1": "differences.regions.entry",
    "neuro.neuro_lv.recon_trunk": "differences.regions.blocks",
    "neuro.recon_trunk": "differences.trunk",
    "neuro.res_last.conv1": "differences.state.first",
    "neuro.res_last.convh": "differences.state.second",
    **{
        f"neuro.res_last.conv_{layer}{theirs}": f"differences.heads.{ours}.{index}"
        for theirs, ours in (("o", "frame"), ("dif_left", "before"), ("dif_right", "after"))
        for layer, index in (("head_", 0), ("", 2))
    },
    **{
        theirs: f"{ours}.{layer}"
        for end, ours in (("f", "look_back"), ("b", "look_forth"))
        for theirs, layer in (
            (f"conv_fusion_1_{end}", "mix.0"),
            (f"conv_fusion_1_{end}_", "mix.2"),
            (f"recon_temporal_{end}", "blocks"),
        )
    },
    **{
        f"conv_fusion_{layer}_{theirs}": f"{ours}.{index}"
        for theirs, ours in (("f_s", "corrections.frame"), ("f_d", "corrections.before"), ("b", "detail"))
        for layer, index in ((2, 0), (3, 2))
    },
}
"""The release's layers, or blocks of layers, in ours, for `renamed`."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `etdm()`. Raises DataError for a foreign name."""
    return renamed(state, KEY_MAP, parts=RESIDUAL)
