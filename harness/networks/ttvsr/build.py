"""The sizes of the network, in one place."""

from torch import nn

from harness.networks.layers.convolutions import activation, conv, pointwise
from harness.networks.layers.reconstruction import picture_layers, residual_blocks
from harness.networks.spynet import spynet
from harness.networks.ttvsr.network import TTVSR, Walk
from harness.networks.ttvsr.trajectories import Trajectories, TrajectoryAttention


def ttvsr(*, channels: int = 64, blocks: int = 60, feature_blocks: int = 5, key_stride: int = 3) -> TTVSR:
    """The network, untrained; the defaults are the released one's 6,773,615 parameters.

    Args:
        channels: C, of all features.
        blocks: residual blocks of each step of a walk.
        feature_blocks: residual blocks on each frame.
        key_stride: every so many frames one is a key.
    """
    walk = Walk(
        follow=Trajectories(),
        attend=TrajectoryAttention(channels),
        blocks=_blocks(2 * channels, channels, blocks),
        key_stride=key_stride,
    )
    return TTVSR(
        flow=spynet(),
        features=_blocks(3, channels, feature_blocks),
        walk=walk,
        fuse=nn.Sequential(pointwise(3 * channels, channels), activation()),
        tail=picture_layers(channels),
    )


def _blocks(inputs: int, channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, channels), activation(), residual_blocks(channels, count=count))
