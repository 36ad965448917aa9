"""The network, untrained, in the sizes of the release."""

from torch import nn

from harness.networks.bmbc.network import BMBC, CANDIDATES, COLOURS, TAPS
from harness.networks.bmbc.residual_dense import ResidualDenseNetwork
from harness.networks.layers.bilateral_motion import BilateralMotion
from harness.ops.warp import Reading

_CONTEXT = 64
_KERNEL = 7


def bmbc(*, reading: Reading = "areas") -> BMBC:
    """Motion, context and filters: 10,555,666, 9,408 and 449,238 parameters.

    Args:
        reading: how positions are taken.
    """
    return BMBC(
        motion=BilateralMotion(reading=reading, first_stride=1),
        context=nn.Sequential(nn.Conv2d(COLOURS, _CONTEXT, _KERNEL, padding=_KERNEL // 2, bias=False), nn.ReLU()),
        filters=ResidualDenseNetwork(
            2 * COLOURS + CANDIDATES * (COLOURS + _CONTEXT),
            CANDIDATES * TAPS**2,
            channels=32,
            blocks=4,
            growth=16,
            layers=6,
        ),
        reading=reading,
    )
