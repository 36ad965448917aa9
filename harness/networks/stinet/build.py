"""From options to a network: the one place that knows sizes and which module stands for which option."""

import math
from itertools import pairwise
from typing import Literal

from torch import nn

from harness.networks.dbpn import dbpn_features
from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.deformable import DeformableConvolution, stand_still
from harness.networks.stinet.blocks import ResidualBlock, down, up
from harness.networks.stinet.global_refinement import Edges, GlobalRefinement, GraphSage, causal_edges, full_edges
from harness.networks.stinet.initialisation import Initialisation
from harness.networks.stinet.interpolation import (
    Branch,
    FlowAdaption,
    Interpolation,
    PrivateBlocks,
    SharedBlocks,
    adapted_flows,
    raw_flows,
)
from harness.networks.stinet.local import Direction, Interaction, LocalRefinement, NoInteraction
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import OFFICIAL, STINetOptions
from harness.networks.stinet.reconstruction import PhaseOneHeads, Reconstruction

CHANNELS = 64
MOTION_CHANNELS = 32
SHARED_BLOCKS = 5
DEFORMABLE_GROUPS = 8
GRAPH_CHANNELS = (CHANNELS, 256, 256, 256, CHANNELS)
SCALE = 4

FLOWS: dict[str, FlowAdaption] = {"adapted": adapted_flows, "raw": raw_flows}
EDGES: dict[str, Edges] = {"causal": causal_edges, "full": full_edges}


def build_stinet(
    options: STINetOptions = OFFICIAL,
    *,
    train_super_resolution: bool = False,
    offset_init: Literal["zero", "kaiming"] = "zero",
) -> STINet:
    """An untrained network.

    Args:
        options: which STINet.
        train_super_resolution: whether S-SR learns too; the paper's recipe freezes it after its own training.
        offset_init: whether deformable sampling starts where it stands. In the release the offset convolutions get
            Kaiming values like all others, it seems by oversight, and sampling starts some 30 pixels off. A loaded
            checkpoint does not feel the difference.
    """
    network = STINet(
        initialisation=_initialisation(),
        interpolation=_interpolation(options),
        local_refinement=_local_refinement(options),
        global_refinement=_global_refinement(options),
        reconstruction=_reconstruction(),
        phase_1_heads=PhaseOneHeads(lr_head=conv(CHANNELS, 3), hr_head=conv(CHANNELS, 3)),
    )
    _start_values(network)
    if offset_init == "zero":
        stand_still(network)
    network.initialisation.super_resolution.requires_grad_(train_super_resolution)
    return network


def _initialisation() -> Initialisation:
    return Initialisation(
        super_resolution=dbpn_features(channels=CHANNELS),
        to_lr=nn.Sequential(ResidualBlock(CHANNELS), down(CHANNELS, CHANNELS)),
    )


def _interpolation(options: STINetOptions) -> Interpolation:
    motion = nn.Sequential(
        conv(4, MOTION_CHANNELS),
        activation(),
        ResidualBlock(MOTION_CHANNELS),
        ResidualBlock(MOTION_CHANNELS),
        conv(MOTION_CHANNELS, CHANNELS),
        activation(),
    )
    inputs = 3 * CHANNELS  # the frames before and after, and the motion
    return Interpolation(
        adapt=FLOWS[options.flow],
        motion=motion,
        lr_branch=Branch(
            entry=nn.Sequential(up(inputs, CHANNELS), ResidualBlock(CHANNELS)),
            last=nn.Sequential(ResidualBlock(CHANNELS), down(CHANNELS, CHANNELS)),
        ),
        hr_branch=Branch(
            entry=nn.Sequential(conv(inputs, CHANNELS), activation()),
            last=nn.Sequential(ResidualBlock(CHANNELS), conv(CHANNELS, CHANNELS), activation()),
        ),
        joint=SharedBlocks(_blocks()) if options.interpolation_shared else PrivateBlocks(_blocks(), _blocks()),
        scale=SCALE,
    )


def _blocks() -> nn.Module:
    return nn.Sequential(*(ResidualBlock(CHANNELS) for _ in range(SHARED_BLOCKS)))


def _local_refinement(options: STINetOptions) -> nn.Module:
    if not options.local_refinement:
        return nn.Identity()
    wide = 3 * CHANNELS  # past, present, future
    return LocalRefinement(
        past=_direction(),
        future=_direction(),
        reduce_offsets=down(CHANNELS, CHANNELS),
        interaction=_interaction() if options.local_interaction == "simple" else NoInteraction(),
        reduce=down(CHANNELS, CHANNELS),
        enlarge=up(CHANNELS, CHANNELS),
        fuse=nn.Sequential(
            nn.Conv2d(wide, wide, 1),
            activation(),
            nn.Conv2d(wide, wide, 1),
            activation(),
            nn.Conv2d(wide, wide, 1),
            activation(),
            nn.Conv2d(wide, CHANNELS, 1),
        ),
    )


def _direction() -> Direction:
    return Direction(
        offset_features=nn.Sequential(conv(2 * CHANNELS, CHANNELS), activation(), conv(CHANNELS, CHANNELS)),
        align=DeformableConvolution(CHANNELS, groups=DEFORMABLE_GROUPS),
    )


def _interaction() -> Interaction:
    return Interaction(
        meet=nn.Conv2d(2 * CHANNELS, CHANNELS, 1),
        lr=nn.Conv2d(CHANNELS, CHANNELS, 1),
        hr=nn.Conv2d(CHANNELS, CHANNELS, 1),
    )


def _global_refinement(options: STINetOptions) -> nn.Module:
    if options.global_refinement == "none":
        return nn.Identity()
    layers = [nn.Linear(a, b) for a, b in pairwise(GRAPH_CHANNELS)]
    return GlobalRefinement(edges=EDGES[options.graph_edges], graph=GraphSage(layers), gain=options.graph_gain)


def _reconstruction() -> Reconstruction:
    return Reconstruction(
        lr_branch=nn.Sequential(
            *(conv(CHANNELS, 4 * CHANNELS), nn.PixelShuffle(2), activation()),
            *(conv(CHANNELS, 4 * CHANNELS), nn.PixelShuffle(2), activation()),
            *(conv(CHANNELS, CHANNELS), activation()),
            conv(CHANNELS, 3),
        ),
        hr_branch=nn.Conv2d(CHANNELS, 3, 1),
    )


def _start_values(network: nn.Module) -> None:
    """Kaiming for convolutions, Xavier for the graph, no biases, as in the release."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, gain=math.sqrt(2))
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
