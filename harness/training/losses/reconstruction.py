"""The reconstruction loss: how far pictures are from the ground truth, pixel by pixel.

Source: l_rec and l'_rec of Eq. 4 (Yue, Shi, Ding, 2022) are squared L2 norms; Zooming Slow-Mo and TMNet take the
Charbonnier penalty (Lai et al., "Deep Laplacian Pyramid Networks", 2017).

Conventions: pictures of any equal shapes and one range, here the network's units.

Deviation: the mean over everything instead of the paper's sum, as the release does: weights then mean the same at
every size and number of frames.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from harness.errors import DataError
from harness.ops.precision import at_least_float32, full_precision

Penalty = Callable[[Tensor], Tensor]
_EPSILON = 1e-3  # below this difference Charbonnier is a parabola


def squared(difference: Tensor) -> Tensor:
    """L2: the square."""
    return difference.square()


def charbonnier(difference: Tensor) -> Tensor:
    """sqrt(d^2 + 0.001^2): L1 that is smooth at zero."""
    return (difference.square() + _EPSILON**2).sqrt()


PENALTIES: Mapping[str, Penalty] = {"l2": squared, "charbonnier": charbonnier}
"""The names of the card option `reconstruction`."""


class Reconstruction:
    """The mean penalty of the differences.

    Args:
        penalty: a name in PENALTIES.
    """

    def __init__(self, penalty: str = "l2") -> None:
        self.penalty = PENALTIES[penalty]

    def __call__(self, prediction: Tensor, truth: Tensor) -> Tensor:
        """Pictures of one shape to one number. Raises DataError for two shapes, which would broadcast."""
        if prediction.shape != truth.shape:
            raise DataError(
                "A prediction and its ground truth have one shape.",
                found=f"{tuple(prediction.shape)} and {tuple(truth.shape)}",
            )
        with full_precision(prediction.device.type):
            return self.penalty(at_least_float32(prediction) - at_least_float32(truth)).mean()
