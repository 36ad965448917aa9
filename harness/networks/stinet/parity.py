"""How STINet is checked: the release's configuration (`stinet-official`) against the authors' network."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.key_map import from_release
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import OFFICIAL

STAGES = {
    "sr": "initialisation.super_resolution",
    "to_lr": "initialisation.sides.lr",
    "motion": "interpolation.motion.layers",
    "interp_l": "interpolation.last.lr",
    "interp_h": "interpolation.last.hr",
    "offsets": "local_refinement.interaction.sides.lr",
    "dcn": "local_refinement.past.module.deform",
    "fuse": "local_refinement.fuse.module",
    "graph": "global_refinement.graph",
}
"""The modules whose outputs the reference has. Where L and H pass one, L comes first; time comes before the batch."""


def run(network: STINet, arrays: Arrays) -> dict[str, Tensor]:
    """Outputs, and the `mid_` arrays: parts of what the stages return for one frame, pair or clip."""
    with watched(network, STAGES) as seen:
        outputs = network.supervised(*(arrays[name] for name in CHECK.inputs))
    frame_3 = 3 * len(arrays["input"])  # of the first clip
    (fused_lr, fused_hr), (offsets, *_), (aligned, *_) = (_by_size(seen[name]) for name in ("fuse", "offsets", "dcn"))
    lr_nodes, hr_nodes = seen["graph"][0][0].chunk(2)
    return {
        "l_rec": outputs.phase_1["lr"],
        "h_finalrec": torch.stack((outputs.phase_1["hr"], outputs.frames), dim=1),
        "mid_dbpn_frame0_ch0to3": seen["sr"][0][:1, :4],
        "mid_lr_feat_frame0": seen["to_lr"][0][:1],
        "mid_motion_pair0": seen["motion"][0][:1],
        "mid_interp_l_pair0": seen["interp_l"][0][:1],
        "mid_interp_h_pair0_ch0to3": seen["interp_h"][0][:1, :4],
        "mid_offsetfeat_l_fwd_t3": offsets[frame_3][None],
        "mid_dcn_l_fwd_t3_before_lrelu": aligned[frame_3][None],
        "mid_fusion_l_t3": fused_lr[frame_3][None],
        "mid_fusion_h_t3_ch0to3": fused_hr[frame_3][None, :4],
        "mid_graph_out_b0": torch.cat((hr_nodes, lr_nodes)),
    }


def _by_size(calls: Sequence[Tensor]) -> list[Tensor]:
    """What a module has returned, the calls of one size joined: a CPU takes large maps a few at a time."""
    sizes = dict.fromkeys(call.shape[-2:] for call in calls)
    return [torch.cat([call for call in calls if call.shape[-2:] == size]) for size in sizes]


CHECK = Check(
    build=partial(build_stinet, OFFICIAL),
    translate=from_release,
    inputs={
        "input": ("B", "N", 3, "h", "w"),
        "input_f_flow": ("B", "N-1", 2, "h", "w"),
        "input_b_flow": ("B", "N-1", 2, "h", "w"),
    },
    outputs=("l_rec", "h_finalrec"),
    run=run,
)
