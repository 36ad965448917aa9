"""From options to a network: the one place that knows sizes and which module stands for which option."""

from collections.abc import Callable

from torch import nn

from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.deformable import stand_still
from harness.networks.layers.interpolation import FeatureInterpolation
from harness.networks.layers.reconstruction import picture_layers, residual_blocks
from harness.networks.layers.start import start_values
from harness.networks.stinet.build import Stages, build_stinet
from harness.networks.stinet.options import STINetOptions
from harness.networks.tmnet.global_refinement import Graph, Recurrence
from harness.networks.tmnet.modulation import TemporalModulation, TemporalModulationBlock
from harness.networks.tmnet.network import TMNet
from harness.networks.tmnet.options import TMNetOptions
from harness.networks.tmnet.two_branches import TwoBranches
from harness.networks.zooming_slow_mo.build import DEFORMABLE_GROUPS, frame_features


def build_tmnet(options: TMNetOptions | None = None) -> TMNet | TwoBranches:
    """An untrained network: TMNet, or with `hr_features` TMNet and STINet's HR side, whose S-SR is frozen."""
    options = options or TMNetOptions()
    lr = build_lr_branch(options)
    return TwoBranches(lr=lr, hr=build_stinet(_hr_side(options), phase_1_heads=False)) if options.hr_features else lr


def build_lr_branch(options: TMNetOptions | None = None) -> TMNet:
    """TMNet, or TMNet with the graph; deformable sampling starts where it stands, as in the authors' training."""
    options = options or TMNetOptions()
    c = options.channels
    network = TMNet(
        features=frame_features(options),
        interpolation=FeatureInterpolation(
            c, groups=DEFORMABLE_GROUPS, modulation=lambda: TemporalModulation(TemporalModulationBlock(c))
        ),
        comparison=_stinet_stages(c).local_refinement(),
        global_refinement=GLOBAL_REFINEMENTS[options.global_refinement](c),
        trunk=residual_blocks(c, count=options.reconstruction_blocks),
        tail=picture_layers(c),
    )
    stand_still(network)
    return network


def _recurrence(channels: int) -> nn.Module:
    return Recurrence(BidirectionalConvLSTM(channels, groups=DEFORMABLE_GROUPS, pad_to=1))


def _graph(channels: int) -> nn.Module:
    graph = Graph(_stinet_stages(channels).graph())
    start_values(graph)
    return graph


GLOBAL_REFINEMENTS: dict[str, Callable[[int], nn.Module]] = {"bdconvlstm": _recurrence, "graph": _graph}


def _stinet_stages(channels: int) -> Stages:
    """Those of STINet's LR side: it has taken the comparison over from TMNet, and the graph is its own."""
    return Stages(STINetOptions(hr_features=False, channels=channels))


def _hr_side(options: TMNetOptions) -> STINetOptions:
    """STINet's HR side alone, without its graph."""
    return STINetOptions(
        lr_features=False,
        global_refinement="none",
        channels=options.channels,
        super_resolution_stages=options.super_resolution_stages,
    )
