"""The convolution and the activation of the systems that descend from EDVR, and the two of them in a row.

3x3, with bias, padded with zeros; leaky ReLU of slope 0.1.
"""

from torch import nn

SLOPE = 0.1


def activation(*, first: bool = False) -> nn.Module:
    """The leaky ReLU, in place: of what a convolution has just made, and does not need again.

    Args:
        first: it begins a module, whose input is not its own: not in place.
    """
    return nn.LeakyReLU(SLOPE, inplace=not first)


def conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """3x3, without an activation; a side of n becomes ceil(n / stride)."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1)
