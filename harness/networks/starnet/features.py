"""What flows between STARnet's stages, and how features correct each other."""

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import leaky_relu

from harness.networks.layers.convolutions import SLOPE


class Features(NamedTuple):
    """Of frames 0, t and 1: H_0, H_t, H_1, (B, C, 4h, 4w), and L_0, L_t, L_1, (B, 2C, h, w)."""

    hr_0: Tensor
    hr_t: Tensor
    hr_1: Tensor
    lr_0: Tensor
    lr_t: Tensor
    lr_1: Tensor


def corrected(features: Tensor, by: Tensor) -> Tensor:
    """Features and what others say of them, of one shape: their difference, activated, is added."""
    return features + leaky_relu(features - by, SLOPE)
