"""Perceptrons of sines, the same for every pixel of a map.

Source: V. Sitzmann et al., "Implicit Neural Representations with Periodic Activation Functions", 2020.

The first layer reads a concatenation of several maps. That is the sum of what it reads off each of them, and what is
linear in each pixel commutes with (bi)linear sampling: it may read a small map, and the result be sampled. So nothing
of the width of the concatenation is ever made.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.ops.precision import at_least_float32, full_precision

FREQUENCY = 30


class Siren(nn.Module):
    """Layers sin(30 (W x + b)), and a last one without the sine.

    Phases are in float32 or better, in a network in half precision and inside of autocast too: thirty times an
    activation loses its fraction in half precision.

    Args:
        parts: channels of what the first layer reads, in the order of the concatenation; the last is "time".
        hidden: channels between the layers.
        outputs: channels that come out.
    """

    def __init__(self, parts: Mapping[str, int], *, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        ends = [0, *accumulate(parts.values())]
        self._columns = {name: slice(*span) for name, span in zip(parts, pairwise(ends), strict=True)}
        layers = [nn.Linear(*widths) for widths in pairwise((ends[-1], *hidden, outputs))]
        for k, layer in enumerate(layers):
            bound = sqrt(6 / layer.in_features) / FREQUENCY if k else 1 / layer.in_features
            nn.init.uniform_(layer.weight, -bound, bound)
        self.layers = nn.ModuleList(layers)

    def read(self, part: str, maps: Tensor) -> Tensor:
        """What the first layer reads off one part, (B, C, H, W) to (B, C', H, W), without a bias."""
        with full_precision(maps.device.type):
            weight, _ = self._layer(0)
            return F.conv2d(maps.to(weight.dtype), weight[:, self._columns[part]])

    def at(self, times: Tensor) -> Tensor:
        """What it reads off the times (B,), and its bias: (B, C', 1, 1)."""
        _, bias = self._layer(0)
        return self.read("time", times.view(-1, 1, 1, 1)) + bias.view(-1, 1, 1)

    def forward(self, read: Tensor) -> Tensor:
        """The sum of all that the first layer reads, (B, C', H, W), to (B, outputs, H, W)."""
        with full_precision(read.device.type):
            for k in range(1, len(self.layers)):
                read = F.conv2d(torch.sin(FREQUENCY * read), *self._layer(k))
            return read

    def _layer(self, k: int) -> tuple[Tensor, Tensor]:
        """Weight (C', C, 1, 1) and bias (C',) of a layer, in float32 or better."""
        weight, bias = (at_least_float32(self.get_parameter(f"layers.{k}.{name}")) for name in ("weight", "bias"))
        return weight[..., None, None], bias
