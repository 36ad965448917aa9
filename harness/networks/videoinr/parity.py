"""How VideoINR is checked: frames, the frame of its training's way, and stages against the authors' network."""

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.videoinr.build import build_videoinr
from harness.networks.videoinr.key_map import from_release
from harness.networks.videoinr.network import VideoINR
from harness.networks.zooming_slow_mo.parity import clip_by_clip

STAGES = {
    "features": "encoder.features",
    "fusion": "encoder.interpolation.fuse",
    "blstm": "encoder.recurrence",
    "trunk": "encoder.trunk",
    "spatial": "decoder.spatial",
    "temporal": "decoder.temporal",
}
"""The modules whose outputs the reference has. Those of the decoder come some rows at a time."""


def run(network: VideoINR, arrays: Arrays) -> dict[str, Tensor]:
    """The frames, time first, and the `mid_` arrays: parts of what the stages return."""
    frames, times = arrays["x"], arrays["times"]
    clips = len(frames)
    size = _size(frames, arrays["scale"])
    with watched(network, STAGES) as seen:
        upscaled = network(frames, times.expand(clips, -1), size)
    parts = len(seen["spatial"]) // len(times)  # of a frame
    halfway = torch.full((clips, 1), 0.5, device=frames.device)
    return {
        "y": upscaled.transpose(0, 1),
        "y_trainpath_t05": network(frames, halfway, size, picture_scale=1)[:, 0],
        "mid_L1_fea": clip_by_clip(seen["features"], clips)[:, :8],
        "mid_fusion": torch.cat(seen["fusion"])[:, :8],
        "mid_blstm": seen["blstm"][0].transpose(0, 1)[:, :, :8],
        "mid_feat": clip_by_clip(seen["trunk"], clips)[:, :8],
        "mid_hrfeat_t0": torch.cat(seen["spatial"][:parts], dim=2)[0, ::16],
        "mid_flow_t0": torch.cat(seen["temporal"][:parts], dim=2),
    }


def _size(frames: Tensor, scale: Tensor) -> tuple[int, int]:
    """A factor of both sides, or the height and the width themselves."""
    if scale.numel() == 2:
        height, width = scale.flatten().tolist()
        return int(height), int(width)
    factor = int(scale.flatten()[0])
    return factor * frames.shape[-2], factor * frames.shape[-1]


CHECK = Check(
    build=build_videoinr,
    translate=from_release,
    inputs={"x": ("B", 2, 3, "h", "w"), "times": ("T",), "scale": ("S",)},
    outputs=("y",),
    run=run,
)
