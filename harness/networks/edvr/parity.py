"""How EDVR is checked: the frame and the stages against the authors' network, EDVR-L."""

import torch.nn.functional as F
from torch import Tensor

from harness.networks.edvr.build import build_edvr
from harness.networks.edvr.key_map import from_release
from harness.networks.edvr.network import EDVR
from harness.networks.layers.convolutions import SLOPE
from harness.networks.layers.deformable import DeformableConvolution
from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.zooming_slow_mo.parity import clip_by_clip

COARSEST = "align.pyramid.level_3"

STAGES = {
    "feat_l1": "features",
    "feat_l3": "pyramid.level_3",
    "offset_features": f"{COARSEST}.refine",
    "dcn_l3_out": f"{COARSEST}.align",
    "aligned": "align",
    "fused": "fusion",
    "recon": "trunk",
}
"""The modules whose outputs the reference has, or what follows from them."""


def run(network: EDVR, arrays: Arrays) -> dict[str, Tensor]:
    """The frame, and parts of what the stages return for some frames of the first clip."""
    frames = arrays["x"]
    clips, length = frames.shape[:2]
    with watched(network, STAGES) as seen:
        frame = network(frames)
    maps = {name: clip_by_clip(calls, clips) for name, calls in seen.items() if name not in ("fused", "recon")}
    layer = network.get_submodule(f"{COARSEST}.align")
    if not isinstance(layer, DeformableConvolution):
        raise TypeError(type(layer).__name__)
    offsets, mask = layer.read(maps["offset_features"][:1])
    return {
        "out": frame,
        "feat_l1": maps["feat_l1"][:2, ::32],
        "feat_l3": maps["feat_l3"][:2, ::32],
        "dcn_l3_offset_frame0": offsets[:, ::12],
        "dcn_l3_mask_frame0": mask[:, ::12],
        "dcn_l3_out_frame0": F.leaky_relu(maps["dcn_l3_out"][:1, ::32], SLOPE),  # what the next level gets
        "aligned_frame0": maps["aligned"][:1, ::32],
        "aligned_frame3": maps["aligned"][length // 2 : length // 2 + 1, ::32],
        "fused": seen["fused"][0][:, ::32],
        "recon": seen["recon"][0][:, ::32],
    }


CHECK = Check(
    build=build_edvr, translate=from_release, inputs={"x": ("B", 7, 3, "h", "w")}, outputs=("out",), run=run
)
