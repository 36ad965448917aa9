"""The convolution and the activation of the systems that descend from EDVR and DBPN, and what is made of them.

3x3, with bias, padded with zeros; leaky ReLU of slope 0.1. What comes from DBPN and RBPN has PReLU instead, with one
slope a layer (`activation=nn.PReLU()`), and changes the size by four.
"""

from torch import Tensor, nn

from harness.ops.resampling_conv import Enlarge, Reduce

SLOPE = 0.1


def activation(*, first: bool = False) -> nn.Module:
    """The leaky ReLU, in place: of what a convolution has just made, and does not need again.

    Args:
        first: it begins a module, whose input is not its own: not in place.
    """
    return nn.LeakyReLU(SLOPE, inplace=not first)


def conv(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """3x3, without an activation; a side of n becomes ceil(n / stride)."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation)


def activated_conv(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3, and the leaky ReLU."""
    return nn.Sequential(conv(inputs, outputs, stride=stride, dilation=dilation), activation())


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    """1x1, without an activation."""
    return nn.Conv2d(inputs, outputs, 1)


def down(inputs: int, outputs: int, *, after: nn.Module | None = None) -> nn.Module:
    """From HR to LR size: a quarter of each side, then the activation."""
    return nn.Sequential(Reduce(inputs, outputs), after or activation())


def up(inputs: int, outputs: int, *, after: nn.Module | None = None) -> nn.Module:
    """From LR to HR size: four times each side, then the activation."""
    return nn.Sequential(Enlarge(inputs, outputs), after or activation(first=True))  # see `enlarge`


class ActivatedBlock(nn.Module):
    """A residual block whose second activation follows the sum: two 3x3 convolutions beside the identity.

    EDVR and its heirs have blocks that end with the sum (`ResidualBlock` of layers.reconstruction).

    Args:
        channels: of features and result.
        after: the activation, which serves both times; default the leaky ReLU.
    """

    def __init__(self, channels: int, *, after: nn.Module | None = None) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels)
        self.activation = after or activation()

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        residual: Tensor = self.second(self.activation(self.first(features)))
        activated: Tensor = self.activation(residual + features)
        return activated


def activated_blocks(channels: int, *, count: int, after: type[nn.Module] | None = None) -> list[nn.Module]:
    """`count` residual blocks, each with an activation of its own of the class `after`."""
    return [ActivatedBlock(channels, after=after() if after else None) for _ in range(count)]
