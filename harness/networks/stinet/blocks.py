"""The layers that STINet is made of beside the shared ones: factor four down and up, residual blocks.

All have a bias, pad with zeros and are followed by a leaky ReLU of slope 0.1, unless they end a stage.
"""

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from harness.networks.layers.convolutions import SLOPE, activation, conv


def down(inputs: int, outputs: int) -> nn.Module:
    """From HR to LR size: a quarter of each side, then the activation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 8, stride=4, padding=2), activation())


def up(inputs: int, outputs: int) -> nn.Module:
    """From LR to HR size: four times each side, then the activation."""
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 8, stride=4, padding=2), activation())


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity; the second activation follows the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        residual: Tensor = self.second(leaky_relu(self.first(features), SLOPE))
        return leaky_relu(residual + features, SLOPE)
