"""SPyNet as an estimator: frozen, with weights that somebody has trained, differentiable in the frames.

Source: A. Ranjan, M. J. Black, 2017; see harness.networks.spynet. Its weights, trained on Sintel, are not shipped:
their licence is for research alone. A file loads in any spelling: BasicSR's, mmediting's, pytorch-spynet's.
"""

from pathlib import Path

from torch import Tensor, nn

from harness.cards.method import WeightsFile
from harness.cards.weights import find_weights, weights_folder, weights_path
from harness.errors import DataError
from harness.flow.base import FlowEstimator, check_frames
from harness.networks.spynet import SPyNet, from_release, spynet
from harness.networks.state import read_state, sha256_of

WEIGHTS = WeightsFile(
    file="spynet-sintel-final.pth",
    source="https://download.openmmlab.com/mmediting/restorers/basicvsr/spynet_20210409-c6c1bd09.pth; or BasicSR's "
    "spynet_sintel_final-3d2a1287.pth, or network-sintel-final.pytorch of pytorch-spynet, under the name above",
    licence="non-commercial research, as github.com/anuragranj/spynet states it",
)
"""Where they lie below the weights folder, and where people get them."""


class SPyNetFlow(nn.Module, FlowEstimator):
    """The estimator. A module, so that it follows what it is a part of to a device; it never learns.

    Args:
        weights: a file; None: the one of the weights folder.

    Raises:
        DataError: the file is not there, or not SPyNet's.
    """

    name = "spynet"
    version = 1

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__()
        path = weights or find_weights(
            self.name, WEIGHTS, folder=weights_folder(), otherwise='choose another flow, such as "farneback".'
        )
        self.network = load_spynet(path)
        self.weights_sha256 = sha256_of(path)

    def forward(self, frames_0: Tensor, frames_1: Tensor) -> Tensor:
        """The flow from frame 0 to frame 1 of each pair, see `FlowEstimator`; in the precision of the weights."""
        check_frames(frames_0, frames_1)
        flow: Tensor = self.network(frames_0, frames_1)
        return flow


def load_spynet(path: Path) -> SPyNet:
    """The frozen network with the weights of a file. Raises DataError when the file is not SPyNet's."""
    network, state = spynet(), read_state(path)
    try:
        # Files of SPyNet alone do not have the constants of its normalisation.
        network.load_state_dict({**dict(network.named_buffers()), **from_release(state)})
    except (RuntimeError, DataError) as error:
        raise DataError(
            f"{path} should hold SPyNet's weights.",
            found=error.found if isinstance(error, DataError) else str(error).splitlines()[-1].strip(),
            todo=f"fetch {WEIGHTS.source}",
        ) from error
    return network.eval().requires_grad_(False)


def explain() -> str:
    """Whether its weights are here, in words."""
    path = weights_path(WEIGHTS.file, weights_folder())
    return f"weights: {path}" if path.is_file() else f"no weights at {path}; what asks for it says where to get them"
