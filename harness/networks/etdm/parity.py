"""How ETDM is checked: frames and stages against the authors' network, under both readings of its warp."""

import torch
from torch import Tensor

from harness.networks.etdm.build import etdm
from harness.networks.etdm.key_map import from_release
from harness.networks.etdm.moments import Moment
from harness.networks.etdm.network import ETDM
from harness.networks.parity.check import Arrays, Check, watched
from harness.ops.warp import stretched_warp

STAGES = {
    "flow": "flow",
    "regions": "differences.regions",
    "frame": "differences.heads.frame",
    "state": "differences.state",
    "back": "look_back",
    "forth": "look_forth",
}
"""The modules whose outputs the reference has, every 12th channel of an estimate or every 24th of features."""


def moments(arrays: Arrays) -> list[Moment]:
    """The frames of a reference, which has one more at either end, and its masks; time after the channels."""
    padded = arrays["x"].unbind(2)
    masks = (arrays[f"{side}_mask_HV"].unbind(2) for side in ("left", "right"))
    return [Moment(*five) for five in zip(padded[:-2], padded[1:-1], padded[2:], *masks, strict=True)]


def clip(network: ETDM, arrays: Arrays) -> Tensor:
    """(B, 3, T, 4h, 4w)."""
    return torch.stack(list(network.upscale(moments(arrays))), dim=2)


def run(network: ETDM, arrays: Arrays) -> dict[str, Tensor]:
    """The clip, what the stages return, and the clip as PyTorch 1.3 and later would make it of the same program."""
    with watched(network, STAGES) as seen:
        upscaled = clip(network, arrays)
    with torch.device("meta"):
        stretched = etdm(sample=stretched_warp)
    stretched.load_state_dict(network.state_dict(), assign=True)
    return {
        "out_s3": upscaled[..., ::3, ::3],
        "out_frame2": upscaled[:, :, 2],
        "out_align_corners_false": clip(stretched.eval(), arrays)[..., ::3, ::3],
        "flow": torch.stack(seen["flow"], dim=1).flatten(0, 1),
        "lv_first": seen["regions"][0][:, ::24],
        "hv_first": seen["regions"][1][:, ::24],
        "neuro0_out": seen["frame"][0][:, ::12],
        "neuro1_h": seen["state"][1][:, ::24],
        "h_buf1": seen["back"][1][:, ::24],
        "b_last": seen["forth"][-1][:, ::24],
    }


CHECK = Check(
    build=etdm,
    translate=from_release,
    inputs={
        "x": ("B", 3, "T + 2", "h", "w"),
        "left_mask_HV": ("B", 1, "T", "h", "w"),
        "right_mask_HV": ("B", 1, "T", "h", "w"),
    },
    outputs=("out_s3", "out_frame2", "out_align_corners_false"),
    run=run,
)
