"""How Zooming Slow-Mo is checked: output and stages against the authors' network."""

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.zooming_slow_mo.build import build_zooming_slow_mo
from harness.networks.zooming_slow_mo.key_map import from_release
from harness.networks.zooming_slow_mo.network import ZoomingSlowMo

STAGES = {
    "features": "features",
    "level_3": "interpolation.pyramid.level_3.2",
    "dcn": "interpolation.align.first.level_1.align",
    "aligned": "interpolation.align",
    "pcd_h": "recurrence.recurrence.align_hidden",
    "blstm": "recurrence",
    "trunk": "trunk",
}
"""The modules whose outputs the reference has."""


def run(network: ZoomingSlowMo, arrays: Arrays) -> dict[str, Tensor]:
    """The frames, and the `mid_` arrays: parts of what the stages return."""
    frames = arrays["x"]
    clips = len(frames)
    with watched(network, STAGES) as seen:
        upscaled = network(frames)
    return {
        "y": upscaled,
        "mid_L1_fea": clip_by_clip(seen["features"], clips)[:, :8],
        "mid_L3_fea": clip_by_clip(seen["level_3"], clips),
        "mid_dcn_L1_1_pair0": seen["dcn"][0][:clips, :16],
        "mid_pcd_aligned_pair0": seen["aligned"][0][:clips, ::4],
        "mid_pcd_h_fwd_t1": seen["pcd_h"][1][:clips, :16],
        "mid_blstm": seen["blstm"][0].transpose(0, 1)[:, :, :4],
        "mid_recon_trunk": clip_by_clip(seen["trunk"], clips)[:, :4],
    }


def clip_by_clip(calls: list[Tensor], clips: int) -> Tensor:
    """Maps of some calls, time before the batch, in the order of the release: all frames of a clip, then the next."""
    ordered: Tensor = torch.cat(calls).unflatten(0, (-1, clips)).transpose(0, 1).flatten(0, 1)
    return ordered


CHECK = Check(
    build=build_zooming_slow_mo,
    translate=from_release,
    inputs={"x": ("B", "N", 3, "h", "w")},
    outputs=("y",),
    run=run,
)
