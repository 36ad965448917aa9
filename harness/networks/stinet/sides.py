"""The two sides of STINet, LR and HR, and how layers serve them: one module for both, or one for each.

What flows between the stages is `Sides`: the sequences L and H of the paper by side, {"lr": L, "hr": H}. A variant
without a side simply lacks its entry, and every stage works on the sides that are there.

Layout: a sequence is (T, B, C, H, W), time first, and its maps may lie in memory channels last. Time comes first
because neighbours in time are then slices of whole maps; `flatten(0, -4)` is a view, and concatenating maps
(B', C, H, W) keeps the order of memory, which concatenating five dimensions would not.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Side = Literal["lr", "hr"]
Sides = dict[str, Tensor]
"""Maps by side: LR ones (..., C, h, w), HR ones (..., C, 4h, 4w)."""


# On a CPU large maps go a few at a time: what is made of a map then stays in the caches. At 90x72 LR pixels that
# takes 8 % less time and 16 % less memory. A device wants them all at once.
_CPU_PIXELS = 2**14


def per_map(module: nn.Module, *maps: Tensor, grows: int = 1) -> Tensor:
    """Apply a module for (B, C, H, W) to all maps of (..., C, H, W), in one call where that is fast.

    Args:
        module: of one or several maps.
        maps: its arguments.
        grows: how many times more pixels than its arguments the module works on.
    """
    out = _batched(module, [each.flatten(0, -4) for each in maps], grows)
    return out.reshape(*maps[0].shape[:-3], *out.shape[1:])  # a view: only the first axis is split


def _batched(module: nn.Module, batches: Sequence[Tensor], grows: int = 1) -> Tensor:
    """Arguments (B, C, H, W) in one call; on a CPU, large maps a few at a time."""
    first = batches[0]
    few = max(1, _CPU_PIXELS // (first.shape[-2] * first.shape[-1] * grows))
    if first.device.type != "cpu" or len(first) <= few:
        out: Tensor = module(*batches)
        return out
    return torch.cat([module(*parts) for parts in zip(*(batch.split(few) for batch in batches), strict=True)])


def in_order(sequences: Sequence[Tensor]) -> Tensor:
    """Sequences (T, ..., C, H, W), one after the other in time."""
    joined = torch.cat([maps.flatten(0, -4) for maps in sequences])
    return joined.reshape(-1, *sequences[0].shape[1:-3], *joined.shape[1:])


def earlier(maps: Tensor) -> Tensor:
    """(T, B, C, H, W): of every frame the one before; of the first itself."""
    return in_order((maps[:1], maps[:-1]))


def later(maps: Tensor) -> Tensor:
    """(T, B, C, H, W): of every frame the one after; of the last itself."""
    return in_order((maps[1:], maps[-1:]))


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
        results = _batched(self.module, batches).chunk(len(first))
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
