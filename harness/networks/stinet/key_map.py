"""The authors' names of the weights in ours: their STINet checkpoint and their separate S-SR file.

Both are plain state dicts, saved with or without DataParallel's `module.` prefix. GraphSAGE's bias is `SAGk.bias`
or, from DGL up to 0.6, `SAGk.fc_neigh.bias`. ST-FI's shared blocks are saved twice, under `interp_l.(k+1)` and
`interp_h.k`; as when torch loads them, the later one counts.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.renaming import renamed

_DBPN = {
    "feat0.conv": "entry.0",
    "feat0.act": "entry.1",
    "feat1.conv": "entry.2",
    "feat1.act": "entry.3",
    **{
        f"{unit}{k}.{theirs}.{part}": f"{unit}.{k - 1}.{ours}.{index}"
        for unit in ("up", "down")
        for k in range(1, 6)
        for theirs, ours in {
            "conv": "squeeze",
            f"{unit}_conv1": "project",
            f"{unit}_conv2": "back",
            f"{unit}_conv3": "correct",
        }.items()
        for part, index in {"conv": 0, "deconv": 0, "act": 1}.items()
    },
    "output_conv1.conv": "last",
}
"""Layers of S-SR."""

_LAYERS = {
    **{f"DBPN.{theirs}": f"initialisation.super_resolution.{ours}" for theirs, ours in _DBPN.items()},
    "motion_down.0": "initialisation.to_lr.0",
    "motion_down.1.conv": "initialisation.to_lr.1.0",
    "motion_feat.conv": "interpolation.motion.0",
    "motion.0": "interpolation.motion.2",
    "motion.1": "interpolation.motion.3",
    "motion.2.conv": "interpolation.motion.4",
    "interp_l.0.deconv": "interpolation.lr_branch.entry.0.0",
    "interp_l.1": "interpolation.lr_branch.entry.1",
    **{f"interp_l.{k + 2}": f"interpolation.joint.blocks.{k}" for k in range(5)},
    "interp_l.7": "interpolation.lr_branch.last.0",
    "interp_l.8.conv": "interpolation.lr_branch.last.1.0",
    "interp_h.0.conv": "interpolation.hr_branch.entry.0",
    **{f"interp_h.{k + 1}": f"interpolation.joint.blocks.{k}" for k in range(5)},
    "interp_h.6": "interpolation.hr_branch.last.0",
    "interp_h.7.conv": "interpolation.hr_branch.last.1",
    "reconstruction_l.conv": "phase_1_heads.lr_head",
    "reconstruction_h.conv": "phase_1_heads.hr_head",
    "layersAtBOffset": "local_refinement.past.offset_features",
    "layersCtBOffset": "local_refinement.future.offset_features",
    "layersAtB": "local_refinement.past.align",
    "layersAtB.conv_offset_mask": "local_refinement.past.align.offsets_and_mask",
    "layersCtB": "local_refinement.future.align",
    "layersCtB.conv_offset_mask": "local_refinement.future.align.offsets_and_mask",
    "offsetdown.conv": "local_refinement.reduce_offsets.0",
    "conv11AtB": "local_refinement.interaction.meet",
    "l_conv11AtB": "local_refinement.interaction.lr",
    "h_conv11AtB": "local_refinement.interaction.hr",
    "h_down.conv": "local_refinement.reduce.0",
    "h_up.deconv": "local_refinement.enlarge.0",
    "layersFusion": "local_refinement.fuse",
    **{f"SAG{k}": f"global_refinement.graph.layers.{k - 1}" for k in range(1, 5)},
    **{f"SAG{k}.fc_neigh": f"global_refinement.graph.layers.{k - 1}" for k in range(1, 5)},
    "upconv1": "reconstruction.lr_branch.0",
    "upconv2": "reconstruction.lr_branch.3",
    "HRconv": "reconstruction.lr_branch.6",
    "conv_last": "reconstruction.lr_branch.8",
    "h_blending": "reconstruction.hr_branch",
}
"""Every layer, or block of layers, of the release's network that takes part in its output."""

_DEAD = ("h_down_gcn.", "DBPN.output_conv2.")
"""Layers that the release keeps and never uses: 262,208 and 1,731 parameters."""

_RESIDUAL = {"conv1": "first", "conv2": "second"}
"""The layers of a residual block."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' STINet checkpoint as the state of `build_stinet()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=_RESIDUAL, dead=_DEAD)


def super_resolution_from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' S-SR file (`s-sr.pth`) as the state of `dbpn()`. Raises DataError for a foreign name."""
    layers = {theirs: f"features.{ours}" for theirs, ours in _DBPN.items()}
    return renamed(state, {**layers, "output_conv2.conv": "head"})
