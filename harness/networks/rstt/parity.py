"""How RSTT-L and RSTT-S are checked: output and stages against the authors' network."""

from functools import partial

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.rstt.blocks import Cuts
from harness.networks.rstt.build import build_rstt
from harness.networks.rstt.key_map import from_release
from harness.networks.rstt.network import GIVEN, MADE, RSTT
from harness.networks.rstt.options import RSTTOptions

STAGES = {
    "features": "features",
    "encoder_0_block_0": "encoders.0.blocks.0",
    "encoder_0_block_1": "encoders.0.blocks.1",
    "encoder_3": "encoders.3",
    "decoder_0_block_0": "decoders.0.blocks.0",
    "decoder_0_block_1": "decoders.0.blocks.1",
    "decoder_3": "decoders.3",
    "conv_last": "tail.8",
}
"""The modules whose outputs the reference has. Those of blocks are tokens."""


def run(network: RSTT, arrays: Arrays) -> dict[str, Tensor]:
    """The frames, and the `mid_` arrays: parts of what the stages return."""
    frames = arrays["x"]
    with watched(network, STAGES) as seen:
        upscaled = network(frames)
    stage = {name: torch.cat(calls) for name, calls in seen.items()}
    large, small = Cuts.of(stage["decoder_3"]), Cuts.of(stage["encoder_3"])
    return {
        "y": upscaled,
        "mid_input_proj": stage["features"].unflatten(0, (-1, GIVEN))[:, :, :4],
        "mid_enc0_block0": large.plain.join(stage["encoder_0_block_0"])[:, :2, ..., :4],
        "mid_enc0_block1": large.shifted.join(stage["encoder_0_block_1"])[:, :2, ..., :4],
        "mid_enc3": stage["encoder_3"].movedim(-1, 2)[:, :, ::4],
        "mid_dec0_block0": small.plain.join(stage["decoder_0_block_0"])[..., ::8],
        "mid_dec0_block1": small.shifted.join(stage["decoder_0_block_1"])[..., ::8],
        "mid_dec3": stage["decoder_3"].movedim(-1, 2)[:, :, :4],
        "mid_conv_last": stage["conv_last"].unflatten(0, (-1, MADE))[:, 0],
    }


def _check(depth: int) -> Check[RSTT]:
    return Check(
        build=partial(build_rstt, RSTTOptions(depth=depth)),
        translate=from_release,
        inputs={"x": ("B", GIVEN, 3, "h", "w")},
        outputs=("y",),
        run=run,
    )


CHECK_L, CHECK_S = _check(8), _check(4)
