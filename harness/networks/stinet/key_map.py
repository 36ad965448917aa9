"""Other names of the weights in ours: the authors' STINet checkpoint, their S-SR file, and S-SR trained by itself.

The authors' are plain state dicts, saved with or without DataParallel's `module.` prefix. GraphSAGE's bias is
`SAGk.bias` or, from DGL up to 0.6, `SAGk.fc_neigh.bias`. ST-FI's shared blocks are saved twice, under
`interp_l.(k+1)` and `interp_h.k`; as when torch loads them, the later one counts.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import PICTURE_LAYERS, RESIDUAL, deformable
from harness.networks.layers.renaming import prefixed, renamed

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

NEIGHBOURS = {
    "layersAtBOffset.0": "offset_features.first.module.past",
    "layersAtBOffset.2": "offset_features.past.module.1",
    "layersCtBOffset.0": "offset_features.first.module.future",
    "layersCtBOffset.2": "offset_features.future.module.1",
    **deformable("layersAtB", "past.module.deform"),
    **deformable("layersCtB", "future.module.deform"),
    "layersFusion": "fuse.module.layer",
}
"""Of `LocalRefinement` as TMNet's release names it, and STINet's after it."""

_LAYERS = {
    **{f"DBPN.{theirs}": f"initialisation.super_resolution.{ours}" for theirs, ours in _DBPN.items()},
    "motion_down.0": "initialisation.sides.lr.0",
    "motion_down.1.conv": "initialisation.sides.lr.1.0",
    "motion_feat.conv": "interpolation.motion.layers.0",
    "motion.0": "interpolation.motion.layers.2",
    "motion.1": "interpolation.motion.layers.3",
    "motion.2.conv": "interpolation.motion.layers.4",
    "interp_l.0.deconv": "interpolation.entry.lr.first.layer",
    "interp_l.1": "interpolation.entry.lr.rest.1",
    **{f"interp_l.{k + 2}": f"interpolation.joint.module.{k}" for k in range(5)},
    "interp_l.7": "interpolation.last.lr.0",
    "interp_l.8.conv": "interpolation.last.lr.1.0",
    "interp_h.0.conv": "interpolation.entry.hr.first.layer",
    **{f"interp_h.{k + 1}": f"interpolation.joint.module.{k}" for k in range(5)},
    "interp_h.6": "interpolation.last.hr.0",
    "interp_h.7.conv": "interpolation.last.hr.1",
    "reconstruction_l.conv": "phase_1_heads.lr",
    "reconstruction_h.conv": "phase_1_heads.hr",
    **prefixed(NEIGHBOURS, ours="local_refinement"),
    "offsetdown.conv": "local_refinement.reduce_offsets.hr.0",
    "conv11AtB": "local_refinement.interaction.meet.layer",
    "l_conv11AtB": "local_refinement.interaction.sides.lr",
    "h_conv11AtB": "local_refinement.interaction.sides.hr",
    "h_down.conv": "local_refinement.reduce.hr.0",
    "h_up.deconv": "local_refinement.enlarge.hr.0",
    **{f"SAG{k}": f"global_refinement.graph.layers.{k - 1}" for k in range(1, 5)},
    **{f"SAG{k}.fc_neigh": f"global_refinement.graph.layers.{k - 1}" for k in range(1, 5)},
    **prefixed(PICTURE_LAYERS, ours="reconstruction.branches.lr.layers"),
    "h_blending": "reconstruction.branches.hr.head",
}
"""Every layer, or block of layers, of the release's network that takes part in its output."""

_DEAD = ("h_down_gcn.", "DBPN.output_conv2.")
"""Layers that the release keeps and never uses: 262,208 and 1,731 parameters."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' STINet checkpoint as the state of `build_stinet()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=RESIDUAL, dead=_DEAD)


def initialisation_from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' S-SR file (`s-sr.pth`) as that part of `build_stinet()`'s state; its RGB head stays behind."""
    layers = {theirs: f"initialisation.super_resolution.{ours}" for theirs, ours in _DBPN.items()}
    return renamed(state, layers, dead=("output_conv2.",))


def initialisation_from_alone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of `dbpn()`, S-SR trained by itself, as that part of `build_stinet()`'s; its RGB head stays behind."""
    return renamed(state, {"features": "initialisation.super_resolution"}, dead=("head.",))


def super_resolution_from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' S-SR file (`s-sr.pth`) as the state of `dbpn()`. Raises DataError for a foreign name."""
    layers = {theirs: f"features.{ours}" for theirs, ours in _DBPN.items()}
    return renamed(state, {**layers, "output_conv2.conv": "head"})
