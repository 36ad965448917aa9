"""ImageNet's normalisation, in which STINet and its S-SR compute."""

import torch
from torch import Tensor, nn

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class ImageNetUnits(nn.Module):
    """From [0, 1] to (x - mean) / deviation and back, RGB, (..., 3, H, W). Its constants are no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def normalise(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units."""
        return (frames - self.get_buffer("mean")) / self.get_buffer("deviation")

    def denormalise(self, frames: Tensor) -> Tensor:
        """The network's units to [0, 1], not clamped."""
        return frames * self.get_buffer("deviation") + self.get_buffer("mean")
