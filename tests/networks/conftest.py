"""The paper's and the release's STINet with the reference weights."""

import pytest

from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.key_map import from_release
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import OFFICIAL
from tests.parity.references import golden


@pytest.fixture(scope="session")
def official() -> STINet:
    network = build_stinet(OFFICIAL)
    network.load_state_dict(from_release(golden("stinet").weights("public")))
    return network.eval()


@pytest.fixture(scope="session")
def paper(official: STINet) -> STINet:
    """The paper's network with the reference weights: no option of it has weights of its own."""
    network = build_stinet()
    network.load_state_dict(official.state_dict())
    return network.eval()
