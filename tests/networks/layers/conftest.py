"""The shared layers with the reference weights of Zooming Slow-Mo."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.key_map import ALIGNMENT, BIDIRECTIONAL_LSTM, PYRAMID
from harness.networks.layers.pyramid import FeaturePyramid, SymmetricAlignment
from harness.networks.layers.renaming import renamed
from tests.networks.layers.front import Layers, Weights, under
from tests.parity.references import REFERENCES, golden


@pytest.fixture(scope="session")
def reference() -> Weights:
    with np.load(REFERENCES / "zooming-slow-mo.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


@pytest.fixture(scope="session")
def weights() -> Weights:
    return golden("zooming-slow-mo").weights("public")


@pytest.fixture
def layers(weights: Weights) -> Layers:
    pyramid, alignment, lstm = FeaturePyramid(64), SymmetricAlignment(64, groups=8), BidirectionalConvLSTM()
    free = {key: value for key, value in weights.items() if key.startswith("fea_")}
    pyramid.load_state_dict(renamed(free, PYRAMID))
    alignment.load_state_dict(renamed(under(weights, "pcd_align."), ALIGNMENT))
    lstm.load_state_dict(renamed(under(weights, "ConvBLSTM."), BIDIRECTIONAL_LSTM))
    return Layers(weights, pyramid, alignment, lstm)


@pytest.fixture
def small_lstm() -> Iterator[BidirectionalConvLSTM]:
    """A recurrence of 8 channels in double precision."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield BidirectionalConvLSTM(8, groups=2).double()
