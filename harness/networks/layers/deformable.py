"""The layer that aligns features: a deformable convolution that reads its offsets and masks off other features.

Source: "DCN_sep" of EDVR (X. Wang et al., "EDVR: Video Restoration with Enhanced Deformable Convolutional Networks",
2019), which Zooming Slow-Mo, TMNet, VideoINR and STINet took over. The operator itself, and the order of offsets
and masks, are those of `harness.ops.deform_conv`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.ops.deform_conv import deform_conv
from harness.ops.precision import at_least_float32, full_precision


class DeformableConvolution(nn.Module):
    """A modulated deformable 3x3 convolution that reads offsets and masks off offset features.

    Offsets and masks are in float32 or better, in a network in half precision and inside of autocast too.

    Args:
        channels: of input, offset features and output.
        groups: deformable groups, channels that move together.
    """

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        taps = 3 * 3
        self.offset_channels = 2 * groups * taps
        self.offsets_and_mask = nn.Conv2d(channels, 3 * groups * taps, 3, padding=1)
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        nn.init.uniform_(self.weight, -((channels * taps) ** -0.5), (channels * taps) ** -0.5)

    def forward(self, features: Tensor, offset_features: Tensor, *, offset_scale: float = 1) -> Tensor:
        """Align.

        Args:
            features: (B, C, H, W).
            offset_features: the same shape.
            offset_scale: factor of the offsets, for offset features that were made at another size and then
                enlarged: one LR pixel is four HR ones.

        Returns:
            (B, C, H, W).
        """
        offsets, mask = self.read(offset_features)
        offsets = offsets if offset_scale == 1 else offsets * offset_scale
        return deform_conv(features, offsets, mask, self.weight, self.bias, padding=1)

    def read(self, offset_features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) to offsets (B, 2 G 9, H, W), pixels, and mask (B, G 9, H, W), in (0, 1)."""
        with full_precision(offset_features.device.type):
            layer = self.offsets_and_mask
            bias = None if layer.bias is None else at_least_float32(layer.bias)
            read = F.conv2d(at_least_float32(offset_features), at_least_float32(layer.weight), bias, padding=1)
            offsets, mask = read[:, : self.offset_channels], read[:, self.offset_channels :].sigmoid()
            return offsets, mask


def stand_still(network: nn.Module) -> None:
    """All offsets zero and all masks one half: where the authors' training of EDVR and its heirs starts."""
    for module in network.modules():
        if isinstance(module, DeformableConvolution):
            for parameter in module.offsets_and_mask.parameters():
                nn.init.zeros_(parameter)
