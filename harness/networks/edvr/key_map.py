"""The authors' names of the weights in ours: those of the files of 2019, and BasicSR's, which came later."""

import re
from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import PYRAMID, RESIDUAL, deformable, half
from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.zooming_slow_mo.key_map import FRAME_BY_FRAME

_ALIGNMENT = {
    **half("pyramid"),
    "cas_offset_conv1": "cascade.compare.0",
    "cas_offset_conv2": "cascade.refine.0",
    **deformable("cas_dcnpack", "cascade.align"),
}

_FUSION = {
    "tAtt_1": "temporal.embed",
    "tAtt_2": "temporal.embed_middle",
    "fea_fusion": "fuse.0",
    "sAtt_1": "spatial.at_half.0",
    "sAtt_2": "spatial.at_half.3",
    "sAtt_L1": "spatial.at_quarter.0",
    "sAtt_L2": "spatial.at_quarter.3",
    "sAtt_L3": "spatial.at_quarter.5",
    "sAtt_3": "spatial.refine.0",
    "sAtt_4": "spatial.join.0",
    "sAtt_5": "spatial.scale",
    "sAtt_add_1": "spatial.shift.0",
    "sAtt_add_2": "spatial.shift.2",
}

_LAYERS = {
    **FRAME_BY_FRAME,
    **prefixed(PYRAMID, ours="pyramid"),
    **prefixed(_ALIGNMENT, theirs="pcd_align", ours="align"),
    **prefixed(_FUSION, theirs="tsa_fusion", ours="fusion"),
}
"""Of the names of 2019."""

_SINCE_2019 = (
    (r"^conv_l(\d)_(\d)", r"fea_L\1_conv\2"),
    (r"^pcd_align\.(offset_conv\d)\.l(\d)", r"pcd_align.L\2_\1"),
    (r"^pcd_align\.dcn_pack\.l(\d)", r"pcd_align.L\1_dcnpack"),
    (r"^pcd_align\.feat_conv\.l(\d)", r"pcd_align.L\1_fea_conv"),
    (r"\.conv_offset\.", ".conv_offset_mask."),
    (r"^fusion\.temporal_attn1", "tsa_fusion.tAtt_2"),  # the two numbers were exchanged
    (r"^fusion\.temporal_attn2", "tsa_fusion.tAtt_1"),
    (r"^fusion\.feat_fusion", "tsa_fusion.fea_fusion"),
    (r"^fusion\.spatial_attn_add(\d)", r"tsa_fusion.sAtt_add_\1"),
    (r"^fusion\.spatial_attn_l(\d)", r"tsa_fusion.sAtt_L\1"),
    (r"^fusion\.spatial_attn(\d)", r"tsa_fusion.sAtt_\1"),
    (r"^reconstruction\.", "recon_trunk."),
    (r"^conv_hr\.", "HRconv."),
)
"""BasicSR's names, and what the same layers were called before."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint, in either spelling, as the state of `build_edvr()`.

    Raises DataError for a foreign name.
    """
    return renamed({_of_2019(name): value for name, value in state.items()}, _LAYERS, parts=RESIDUAL)


def _of_2019(name: str) -> str:
    name = name.removeprefix("module.")
    for since, before in _SINCE_2019:
        name = re.sub(since, before, name)
    return name
