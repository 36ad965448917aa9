"""How STINet is checked: the release's configuration (`stinet-official`) against the authors' network."""

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.key_map import from_release
from harness.networks.stinet.network import STINet

STAGES = {
    "sr": "initialisation.super_resolution",
    "to_lr": "initialisation.to_lr",
    "motion": "interpolation.motion",
    "interp_l": "interpolation.lr_branch.last",
    "interp_h": "interpolation.hr_branch.last",
    "offsets": "local_refinement.interaction.lr",
    "dcn": "local_refinement.past.align",
    "fuse": "local_refinement.fuse",
    "graph": "global_refinement.graph",
}
"""The modules whose outputs the reference has; where one is called for L and for H, L comes first."""


def run(network: STINet, arrays: Arrays) -> dict[str, Tensor]:
    """Outputs, and the `mid_` arrays: parts of what the stages return for one frame, pair or clip."""
    with watched(network, STAGES) as seen:
        outputs = network.supervised(*(arrays[name] for name in CHECK.inputs))
    lr_nodes, hr_nodes = seen["graph"][0][0].chunk(2)
    return {
        "l_rec": outputs.phase_1.lr,
        "h_finalrec": torch.stack((outputs.phase_1.hr, outputs.frames), dim=1),
        "mid_dbpn_frame0_ch0to3": seen["sr"][0][:1, :4],
        "mid_lr_feat_frame0": seen["to_lr"][0][:1],
        "mid_motion_pair0": seen["motion"][0][:1],
        "mid_interp_l_pair0": seen["interp_l"][0][:1],
        "mid_interp_h_pair0_ch0to3": seen["interp_h"][0][:1, :4],
        "mid_offsetfeat_l_fwd_t3": seen["offsets"][0][3:4],
        "mid_dcn_l_fwd_t3_before_lrelu": seen["dcn"][0][3:4],
        "mid_fusion_l_t3": seen["fuse"][0][3:4],
        "mid_fusion_h_t3_ch0to3": seen["fuse"][1][3:4, :4],
        "mid_graph_out_b0": torch.cat((hr_nodes, lr_nodes)),
    }


CHECK = Check(
    build=build_stinet,
    translate=from_release,
    inputs={
        "input": ("B", "N", 3, "h", "w"),
        "input_f_flow": ("B", "N-1", 2, "h", "w"),
        "input_b_flow": ("B", "N-1", 2, "h", "w"),
    },
    outputs=("l_rec", "h_finalrec"),
    run=run,
)
