"""The two sides of STINet, LR and HR, and how layers serve them: one module for both, or one for each.

What flows between the stages is `Sides`: the sequences L and H of the paper by side, {"lr": L, "hr": H}. A variant
without a side simply lacks its entry, and every stage works on the sides that are there.

Layout: that of `harness.networks.layers.sequences`, time first.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from harness.networks.layers.sequences import in_batches, per_map

Side = Literal["lr", "hr"]
Sides = dict[str, Tensor]
"""Maps by side: LR ones (..., C, h, w), HR ones (..., C, 4h, 4w)."""


class Shared(nn.Module):
    """One module for all sides; sides of one size pass it as one batch.

    Args:
        module: maps (B, C, H, W), one or several, to maps (B, C', H', W').
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *arguments: Sides) -> Sides:
        """The module's arguments, each by side, to its result by side."""
        first = arguments[0]
        if len({maps.shape for maps in first.values()}) > 1:
            return {side: per_map(self.module, *(argument[side] for argument in arguments)) for side in first}
        batches = [torch.cat([argument[side].flatten(0, -4) for side in first]) for argument in arguments]
        results = in_batches(self.module, batches).chunk(len(first))
        return {
            side: result.reshape(*first[side].shape[:-3], *result.shape[1:])
            for side, result in zip(first, results, strict=True)
        }


class Private(nn.ModuleDict):
    """A module for each side, of the kind that `Shared` takes."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        super().__init__(dict(modules))

    def forward(self, *arguments: Sides) -> Sides:
        """The modules' arguments, each by side, to their results by side."""
        return {side: per_map(self[side], *(argument[side] for argument in arguments)) for side in arguments[0]}


PerSide = Shared | Private
"""How a layer serves the sides."""
