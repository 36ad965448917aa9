"""How STARnet is checked: the released network's pictures and stages against the authors'."""

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.starnet.build import build_starnet
from harness.networks.starnet.key_map import from_release
from harness.networks.starnet.network import STARnet

STAGES = {
    "flow": "flow_refinement.unet",
    "dbpn": "super_resolution.single_frame",
    "motion": "motion",
    "reduced": "reduce",
    "interpolated": "interpolation.first",
    "hr_correction": "interpolation.hr_correction",
    "lr_correction": "interpolation.lr_correction",
}
"""The modules whose outputs the reference has. What passes for both directions at once has the forward one first."""


def run(network: STARnet, arrays: Arrays) -> dict[str, Tensor]:
    """The pictures, and the `mid_` arrays: parts of what the stages return."""
    frames = torch.stack((arrays["t_im1"], arrays["t_im2"]), dim=1)
    with watched(network, STAGES) as seen:
        made = network.supervised(frames, arrays["t_flow_f"], arrays["t_flow_b"])
    forward, back = seen["flow"][0].chunk(2)
    first = {name: calls[0][: len(forward)] for name, calls in seen.items()}
    return {
        "pred_ht": made.frames[:, 1],
        "pred_h1": made.frames[:, 0],
        "pred_h2": made.frames[:, 2],
        "pred_l": made.middle_lr,
        "mid_flow_net_f": forward,
        "mid_flow_net_b": back,
        "mid_aux_h1": made.first_frames[:, 0],
        "mid_dbpn_call0": first["dbpn"][:, ::32],
        "mid_motion_full": first["motion"][:, ::8],
        "mid_L1": first["reduced"][:, ::8],
        "mid_interp_block": first["interpolated"][:, ::32],
        "mid_t_net_hr": first["hr_correction"][:, ::32],
        "mid_t_net_lr": first["lr_correction"][:, ::8],
    }


CHECK = Check(
    build=build_starnet,
    translate=from_release,
    inputs={
        "t_im1": ("B", 3, "h", "w"),
        "t_im2": ("B", 3, "h", "w"),
        "t_flow_f": ("B", 2, "h", "w"),
        "t_flow_b": ("B", 2, "h", "w"),
    },
    outputs=("pred_ht", "pred_h1", "pred_h2", "pred_l"),
    run=run,
)
