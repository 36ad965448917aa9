"""The sizes of the network, in one place."""

from torch import nn

from harness.networks.etdm.moments import REACH
from harness.networks.etdm.network import ETDM, SCALE, Differences, Dilatable, Fusion
from harness.networks.layers.convolutions import conv
from harness.networks.layers.reconstruction import START, ResidualBlock, residual_blocks
from harness.networks.layers.start import start_values
from harness.networks.spynet import spynet
from harness.ops.warp import Warp, warp

_DETAIL = 3 * SCALE**2  # channels of an estimate


def etdm(*, channels: int = 96, blocks: int = 18, fusion_blocks: int = 8, sample: Warp = warp) -> ETDM:
    """The network, untrained; the defaults are the released one's 8,879,628 parameters.

    Args:
        channels: C, of all features.
        blocks: residual blocks before the heads; two of them see the two regions.
        fusion_blocks: residual blocks of each look, back and forth.
        sample: how flows are followed. The release was trained with `warp`; under PyTorch 1.3 and later the same
            program does `stretched_warp`.
    """

    def heads(*names: str) -> nn.ModuleDict:
        return nn.ModuleDict({name: _two(channels, channels, _DETAIL) for name in names})

    def fusion(estimates: int) -> Fusion:
        mix = _two(estimates * _DETAIL + channels, channels, channels)
        return Fusion(mix, residual_blocks(channels, count=fusion_blocks))

    regions = Dilatable(conv(3 * 3 + 2 * channels, channels), [ResidualBlock(channels) for _ in range(2)])
    network = ETDM(
        flow=spynet(sample=sample),
        sample=sample,
        differences=Differences(
            regions,
            residual_blocks(channels, count=blocks - 2),
            state=ResidualBlock(channels),
            heads=heads("frame", "before", "after"),
        ),
        look_back=fusion(REACH + 2),
        corrections=heads("frame", "before"),
        look_forth=fusion(REACH + 1),
        detail=_two(channels, channels, _DETAIL),
    )
    for name, part in network.named_children():
        if name != "flow":
            start_values(part, scale=START)
    return network


def _two(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, hidden), nn.ReLU(inplace=True), conv(hidden, outputs))
