"""RCAN as its sheet describes it, layer by layer on the authors' own names: what tests compare with."""

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor


class Straightforward:
    """The network of one state dict, of the authors' names.

    Args:
        state: the weights.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def __call__(self, frames: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, 4h, 4w), frame by frame."""
        shallow = self.conv("head.0", self.conv("sub_mean", frames))
        maps = shallow
        for g in range(10):
            maps = self.group(f"body.{g}.body", maps)
        maps = self.conv("body.10", maps) + shallow
        for name in ("tail.0.0", "tail.0.2"):
            maps = F.pixel_shuffle(self.conv(name, maps), 2)
        return self.conv("add_mean", self.conv("tail.1", maps))

    def group(self, name: str, given: Tensor) -> Tensor:
        maps = given
        for b in range(20):
            maps = self.block(f"{name}.{b}.body", maps)
        return self.conv(f"{name}.20", maps) + given

    def block(self, name: str, given: Tensor) -> Tensor:
        maps = self.conv(f"{name}.2", F.relu(self.conv(f"{name}.0", given)))
        gate = F.adaptive_avg_pool2d(maps, 1)
        gate = F.relu(self.conv(f"{name}.3.conv_du.0", gate))
        return maps * self.conv(f"{name}.3.conv_du.2", gate).sigmoid() + given

    def conv(self, name: str, maps: Tensor) -> Tensor:
        weight = self.state[f"{name}.weight"]
        return F.conv2d(maps, weight, self.state[f"{name}.bias"], padding=weight.shape[-1] // 2)
