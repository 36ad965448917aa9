"""The shared layers, and the reference weights of Zooming Slow-Mo."""

from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor

from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from tests.parity.references import golden


@pytest.fixture(scope="session")
def weights() -> Mapping[str, Tensor]:
    return golden("zooming-slow-mo").weights("public")


@pytest.fixture
def small_lstm() -> Iterator[BidirectionalConvLSTM]:
    """A recurrence of 8 channels in double precision."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield BidirectionalConvLSTM(8, groups=2).double()
