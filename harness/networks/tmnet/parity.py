"""How TMNet is checked: both of its modes against the authors' network. A reference with times `t` is multi-frame."""

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.tmnet.build import build_lr_branch
from harness.networks.tmnet.key_map import from_release
from harness.networks.tmnet.network import TMNet
from harness.networks.zooming_slow_mo.parity import clip_by_clip

STAGES = {
    "features": "features",
    "tmb_a": "interpolation.align.first.level_1.modulate.block",
    "tmb_b": "interpolation.align.second.level_3.modulate.block",
    "fusion": "interpolation.fuse",
    "offsets": "comparison.offset_features.past.module",
    "dcn": "comparison.past.module.deform",
    "comparison": "comparison.fuse.module",
    "blstm": "global_refinement",
    "trunk": "trunk",
}
"""The modules whose outputs the reference has. Pairs, and places in the sequence, come before the batch."""


def run(network: TMNet, arrays: Arrays) -> dict[str, Tensor]:
    """The frames, and the `mid_` arrays: parts of what the stages return."""
    frames, times = arrays["x"], arrays.get("t")
    clips, moments = len(frames), 1 if times is None else times.shape[1]
    first_new = slice(0, clips * moments, moments)  # of each clip; the times of a pair are neighbours
    first, second = slice(clips), slice(clips, 2 * clips)  # places in the sequence
    with watched(network, STAGES) as seen:
        upscaled = network(frames) if times is None else network(frames, times=times)
    maps = {name: torch.cat(calls) for name, calls in seen.items() if calls}
    results = {
        "y": upscaled,
        "mid_L1_fea": clip_by_clip(seen["features"], clips)[:, :8],
        "mid_fusion_first": maps["fusion"][first_new, :16],
        "mid_layersAtBOffset_first": maps["offsets"][first, :16],
        "mid_layersAtB_i1": maps["dcn"][second, :16],
        "mid_layersFusion_i1": maps["comparison"][second, :16],
        "mid_blstm": maps["blstm"].transpose(0, 1)[:, :, :4],
        "mid_recon_trunk": clip_by_clip(seen["trunk"], clips)[:, :4],
    }
    if times is None:
        return results
    modulation = {"mid_TMB_A_l1_first": maps["tmb_a"][first_new, :16], "mid_TMB_B_l3_first": maps["tmb_b"][first_new]}
    return {**results, **modulation}


CHECK = Check(
    build=build_lr_branch,
    translate=from_release,
    inputs={"x": ("B", "N", 3, "h", "w")},
    outputs=("y",),
    run=run,
    optional=("t",),
)
