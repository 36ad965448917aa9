"""From options to a network, and the stages whose sizes TMNet takes over."""

from torch import nn

from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.deformable import stand_still
from harness.networks.layers.interpolation import FeatureInterpolation
from harness.networks.layers.reconstruction import picture_layers, residual_blocks
from harness.networks.zooming_slow_mo.network import ZoomingSlowMo
from harness.networks.zooming_slow_mo.options import ZoomingSlowMoOptions

SCALE = 4
DEFORMABLE_GROUPS = 8


def build_zooming_slow_mo(options: ZoomingSlowMoOptions | None = None) -> ZoomingSlowMo:
    """An untrained network; deformable sampling starts where it stands, as in the authors' training."""
    options = options or ZoomingSlowMoOptions()
    c = options.channels
    network = ZoomingSlowMo(
        features=frame_features(options),
        interpolation=FeatureInterpolation(c, groups=DEFORMABLE_GROUPS),
        recurrence=BidirectionalConvLSTM(c, groups=DEFORMABLE_GROUPS),
        trunk=residual_blocks(c, count=options.reconstruction_blocks),
        tail=picture_layers(c),
    )
    stand_still(network)
    return network


def frame_features(options: ZoomingSlowMoOptions) -> nn.Sequential:
    """(B, 3, h, w) to (B, C, h, w)."""
    c = options.channels
    return nn.Sequential(conv(3, c), activation(), residual_blocks(c, count=options.feature_blocks))
