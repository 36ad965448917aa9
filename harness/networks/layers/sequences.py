"""Sequences of maps, and how modules go over them.

Layout: a sequence is (T, B, C, H, W), time first, and its maps may lie in memory channels last. Time comes first
because neighbours in time are then slices of whole maps; `flatten(0, -4)` is a view, and concatenating maps
(B', C, H, W) keeps the order of memory, which concatenating five dimensions would not.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIDDLE = (0.5,)
"""Times of the new frames between two given ones: one half-way, rate 2."""

# On a CPU large maps go a few at a time: what is made of a map then stays in the caches. At 90x72 LR pixels that
# takes 8 % less time and 16 % less memory. A device wants many at once, but not all maps of a long clip.
_CPU_PIXELS = 2**14
_DEVICE_PIXELS = 2**22  # of which 64 channels are 1 GiB


def per_map(module: nn.Module, *maps: Tensor, grows: int = 1) -> Tensor:
    """Apply a module for (B, C, H, W) to all maps of (..., C, H, W), in one call where that is fast.

    Args:
        module: of one or several maps.
        maps: its arguments.
        grows: how many times more pixels than its arguments the module works on.
    """
    out = in_batches(module, [each.flatten(0, -4) for each in maps], grows=grows)
    return out.reshape(*maps[0].shape[:-3], *out.shape[1:])  # a view: only the first axis is split


def in_batches(module: nn.Module, batches: Sequence[Tensor], *, grows: int = 1) -> Tensor:
    """Arguments (B, C, H, W) in one call; large maps a few at a time, above all on a CPU."""
    first = batches[0]
    pixels = _CPU_PIXELS if first.device.type == "cpu" else _DEVICE_PIXELS
    few = max(1, pixels // (first.shape[-2] * first.shape[-1] * grows))
    if len(first) <= few:
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


def interleaved(given: Tensor, between: Tensor) -> Tensor:
    """(N, B, C, H, W) and (N-1, K, B, C, H, W) in the order of time: (N + (N-1) K, B, C, H, W)."""
    steps = [part for pair in zip(given.split(1), between.unbind(0), strict=False) for part in pair]
    return in_order([*steps, given[-1:]])


def timestamps(given: int, times: Tensor) -> Tensor:
    """When the frames of a sequence are shown, in output frames: 0, 1, 2, ... for evenly spread times.

    Args:
        given: N, the number of given frames.
        times: (..., K), of the new frames between every two of them, in (0, 1).

    Returns:
        (..., N + (N-1) K).

    >>> timestamps(3, torch.tensor([0.25, 0.5]))
    tensor([0.0000, 0.7500, 1.5000, 3.0000, 3.7500, 4.5000, 6.0000])
    """
    steps = times.shape[-1] + 1
    start = torch.arange(given, device=times.device, dtype=torch.float32).unsqueeze(1)
    stamps = (start + F.pad(times, (1, 0)).unsqueeze(-2)) * steps  # (..., N, 1 + K)
    return stamps.flatten(-2)[..., : (given - 1) * steps + 1]


def on_device(times: Sequence[float], device: torch.device) -> Tensor:
    """(K,), float32. The numbers are written there: a copy would wait for what the device has still to do."""
    values = torch.empty(len(times), device=device)
    for k, time in enumerate(times):
        values[k] = time
    return values
