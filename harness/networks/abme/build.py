"""The network, untrained, in the sizes of the release."""

from harness.networks.abme.asymmetric import AsymmetricMotion
from harness.networks.abme.network import ABME
from harness.networks.abme.synthesis import Synthesis
from harness.networks.layers.bilateral_motion import BilateralMotion


def abme() -> ABME:
    """Three networks of 10,555,666, 994,646 and 5,998,795 parameters."""
    return ABME(
        symmetric=BilateralMotion(reading="corners", first_stride=2),
        asymmetric=AsymmetricMotion(),
        synthesis=Synthesis(),
    )
