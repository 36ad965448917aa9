"""DAIN, untrained: the released sizes."""

from harness.networks.dain.depth import depth_network
from harness.networks.dain.features import (
    CONTEXT_CHANNELS,
    context_network,
    filter_features,
    filter_head,
    rectification,
)
from harness.networks.dain.network import DAIN
from harness.networks.dain.pwc_net import PWCNet
from harness.ops.filter_interpolation import TAPS

KNOWN_CHANNELS = 3 + 2 * (3 + 2 + TAPS + CONTEXT_CHANNELS + 1)
"""Of the new frame: its blend; and of each side the frame, its flow, filters, context and depth."""


def build_dain() -> DAIN:
    """The network; 24,031,590 parameters."""
    return DAIN(
        flow=PWCNet(),
        depth=depth_network(),
        context=context_network(),
        filter_features=filter_features(),
        filter_heads=[filter_head(TAPS) for _ in range(2)],
        rectify=rectification(KNOWN_CHANNELS),
    )
