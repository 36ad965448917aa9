"""The authors' names of the shared layers in ours: tables for `renamed`.

A network puts them into its own table by `prefixed`. The names are those of Zooming Slow-Mo's release; TMNet,
VideoINR and EDVR's files of 2019 name the same layers alike. There the pyramid's layers have no common prefix, and
`_1` and `_2` end the names of the two halves of an alignment.
"""

from harness.networks.layers.renaming import prefixed

PYRAMID = {f"fea_L{k}_conv{i}": f"level_{k}.{index}" for k in (2, 3) for i, index in ((1, 0), (2, 2))}
"""Of `FeaturePyramid`."""

_HALF = {
    "L3_offset_conv1": "level_3.compare.0",
    "L3_offset_conv2": "level_3.refine.0",
    **{
        f"L{k}_{theirs}": f"level_{k}.{ours}"
        for k in (2, 1)
        for theirs, ours in {
            "offset_conv1": "compare.0",
            "offset_conv2": "join.0",
            "offset_conv3": "refine.0",
            "fea_conv": "fuse",
        }.items()
    },
}


def deformable(theirs: str, ours: str) -> dict[str, str]:
    """One `DeformableConvolution`, under its name there and here."""
    return {theirs: ours, f"{theirs}.conv_offset_mask": f"{ours}.offsets_and_mask"}


def half(ours: str, *, suffix: str = "") -> dict[str, str]:
    """One `PyramidAlignment`, under its name here; with what ends its names there, none in EDVR."""
    table = {f"{theirs}{suffix}": f"{ours}.{layer}" for theirs, layer in _HALF.items()}
    for k in (3, 2, 1):
        table |= deformable(f"L{k}_dcnpack{suffix}", f"{ours}.level_{k}.align")
    return table


ALIGNMENT = {**half("first", suffix="_1"), **half("second", suffix="_2")}
"""Of `SymmetricAlignment`, in the release `pcd_align`."""

EASY_PCD = {
    **prefixed(PYRAMID, ours="pyramid"),
    **prefixed(ALIGNMENT, theirs="pcd_align", ours="align"),
    "fusion": "fuse",
}
"""Of `EasyPCD` and of `FeatureInterpolation`, whose layers stand free in the release."""

BIDIRECTIONAL_LSTM = {
    **prefixed(EASY_PCD, theirs="forward_net.pcd_h", ours="recurrence.align_hidden"),
    **prefixed(EASY_PCD, theirs="forward_net.pcd_c", ours="recurrence.align_cell"),
    "forward_net.cell_list.0.conv": "recurrence.gates",
    "conv_1x1": "fuse",
}
"""Of `BidirectionalConvLSTM`, in the release `ConvBLSTM`."""

PICTURE_LAYERS = {"upconv1": "0", "upconv2": "3", "HRconv": "6", "conv_last": "8"}
"""Of `picture_layers`."""

RESIDUAL = {"conv1": "first", "conv2": "second"}
"""The layers of a residual block, of STINet's too: `parts` of `renamed`."""
