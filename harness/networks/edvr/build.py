"""From options to a network."""

from torch import nn

from harness.networks.edvr.fusion import TSAFusion
from harness.networks.edvr.network import EDVR, PCDAlignment
from harness.networks.edvr.options import EDVROptions
from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.deformable import stand_still
from harness.networks.layers.pyramid import FeaturePyramid
from harness.networks.layers.reconstruction import picture_layers, residual_blocks

DEFORMABLE_GROUPS = 8
FULL_SIZE_CHANNELS = 64


def build_edvr(options: EDVROptions | None = None) -> EDVR:
    """An untrained network; deformable sampling starts where it stands, as in the authors' training."""
    options = options or EDVROptions()
    c = options.channels
    network = EDVR(
        features=nn.Sequential(conv(3, c), activation(), residual_blocks(c, count=options.feature_blocks)),
        pyramid=FeaturePyramid(c),
        align=PCDAlignment(c, groups=DEFORMABLE_GROUPS),
        fusion=TSAFusion(c, frames=options.frames),
        trunk=residual_blocks(c, count=options.reconstruction_blocks),
        tail=picture_layers(c, full_size=FULL_SIZE_CHANNELS),
    )
    stand_still(network)
    return network
