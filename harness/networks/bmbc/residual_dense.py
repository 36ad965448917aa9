"""A residual dense network: BMBC's filters come from one.

Source: Y. Zhang et al., "Residual Dense Network for Image Super-Resolution", 2018, without its layers that enlarge.
"""

import torch
from torch import Tensor, nn

from harness.networks.layers.convolutions import conv, pointwise


class ResidualDenseBlock(nn.Module):
    """Convolutions that each see the input and all results before, the newest last; then one beside the identity.

    Args:
        channels: of features and result.
        growth: channels of each result.
        count: how many there are.
    """

    def __init__(self, channels: int, *, growth: int, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(conv(channels + k * growth, growth), nn.ReLU(inplace=True)) for k in range(count)
        )
        self.fuse = pointwise(channels + count * growth, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        seen = features
        for layer in self.layers:
            seen = torch.cat((seen, layer(seen)), dim=1)
        fused: Tensor = self.fuse(seen)
        return fused + features


class ResidualDenseNetwork(nn.Module):
    """Maps to maps of the same size.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        channels: of the features.
        blocks: residual dense blocks.
        growth: channels that each layer of a block adds.
        layers: of a block.
    """

    def __init__(self, inputs: int, outputs: int, *, channels: int, blocks: int, growth: int, layers: int) -> None:
        super().__init__()
        self.first = conv(inputs, channels)
        self.second = conv(channels, channels)
        self.blocks = nn.ModuleList(ResidualDenseBlock(channels, growth=growth, count=layers) for _ in range(blocks))
        self.fuse = nn.Sequential(pointwise(blocks * channels, channels), conv(channels, channels))
        self.last = conv(channels, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        shallow = self.first(maps)
        passed = [self.second(shallow)]
        for block in self.blocks:
            passed.append(block(passed[-1]))
        result: Tensor = self.last(self.fuse(torch.cat(passed[1:], dim=1)) + shallow)
        return result


KEY_MAP = {
    "SFE_First": "first",
    "SFE_Second": "second",
    "GRL": "blocks",
    "Global_feature_fusion": "fuse",
    "Conv_Output": "last",
}
"""BMBC's names in ours, for `renamed`; the layers of a block by `PARTS`."""

PARTS = {"Layer": "layers", "dense_layer": "", "local_feature_fusion": "fuse"}
"""Within a block: `Layer.0.dense_layer.0` is `layers.0.0`."""
