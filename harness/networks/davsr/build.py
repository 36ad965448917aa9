"""From options to a network: the one place that knows sizes and which module stands for which option."""

from torch import nn

from harness.networks.davsr.data_step import DataStep
from harness.networks.davsr.initial import Blend, InitialEstimate
from harness.networks.davsr.network import DAVSR, StepSizes
from harness.networks.davsr.options import DAVSROptions
from harness.networks.davsr.prior import Prior
from harness.networks.davsr.propagation import Propagation
from harness.networks.davsr.slomo import super_slomo
from harness.networks.layers.convolutions import activation, conv
from harness.networks.layers.reconstruction import picture_layers, residual_blocks
from harness.networks.spynet import spynet

SCALE = 4
PROPAGATIONS = ("backward_1", "forward_1", "backward_2", "forward_2")
"""In their order; as the release calls them."""

DEFORMABLE_GROUPS = 16
_HIDDEN = 16  # of the step sizes' layers
_NOISE = 0.0


def build_davsr(options: DAVSROptions | None = None) -> DAVSR:
    """An untrained network; Super SloMo, where it is a part, is frozen."""
    options = options or DAVSROptions()
    slomo = options.initial == "slomo"
    return DAVSR(
        initial=InitialEstimate(
            super_slomo(channels=options.slomo_channels) if slomo else Blend(),
            time_factor=options.time_factor,
            space_factor=SCALE,
            lead=options.lead,
        ),
        step_sizes=_step_sizes(options),
        data_step=DataStep(
            (options.time_factor, SCALE, SCALE), frames=options.time_factor if options.exposure == "open" else 1
        ),
        prior=_prior(options),
    )


def _step_sizes(options: DAVSROptions) -> StepSizes:
    layers = nn.Sequential(
        nn.Linear(3, _HIDDEN),
        nn.ReLU(),
        nn.Linear(_HIDDEN, _HIDDEN),
        nn.ReLU(),
        nn.Linear(_HIDDEN, options.iterations),
        nn.Softplus(),
    )
    return StepSizes(layers, (_NOISE, float(options.time_factor), float(SCALE)))


def _prior(options: DAVSROptions) -> Prior:
    c, count = options.channels, len(PROPAGATIONS)
    small = [conv(3, c, stride=2), activation(), conv(c, c, stride=2), activation()]
    return Prior(
        features=nn.Sequential(*small, *_blocks(c, c, options.feature_blocks)),
        flow=spynet(),
        propagations=[
            Propagation(c, known=index + 1, blocks=options.propagation_blocks, groups=DEFORMABLE_GROUPS)
            for index in range(count)
        ],
        fuse=nn.Sequential(*_blocks((count + 1) * c, c, options.feature_blocks)),
        tail=picture_layers(c),
    )


def _blocks(inputs: int, channels: int, count: int) -> list[nn.Module]:
    return [conv(inputs, channels), activation(), residual_blocks(channels, count=count)]
