"""Flow along a clip: neighbouring frames in bounded memory, every frame expanded once."""

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.flow.farneback import Farneback
from harness.flow.grey import grey

# Pixels that are worked on at once, about 400 bytes each. A CPU is fastest when a pair stays in its caches.
_CPU_PIXELS = 2**18
_DEVICE_PIXELS = 2**23

Expansions = list[Tensor]


def preceded(frames: Tensor, before: Tensor) -> Tensor:
    """The frames (T, 3, H, W) with the one before them, (3, H, W), in front: (T + 1, 3, H, W)."""
    return torch.cat((before.unsqueeze(0), frames))


def neighbours(frames: Tensor, *, flow: Farneback) -> Iterator[tuple[Expansions, Expansions]]:
    """The expansions of frames t - 1 and t, for t = 1 … T - 1 in order, a few pairs at a time.

    `flow.between(earlier, later)` is the flow from t - 1 to t, `flow.between(later, earlier)` the flow back.

    Args:
        frames: (T, 3, H, W), RGB, uint8 or float in [0, 255]; flow sees their 8-bit grey.
        flow: the estimator.

    Yields:
        The levels (N, 5, h, w) of the N earlier and of the N later frames of as many pairs.
    """
    count, _, height, width = frames.shape
    budget = _CPU_PIXELS if frames.device.type == "cpu" else _DEVICE_PIXELS
    step = max(1, budget // (height * width))
    last: Expansions | None = None
    for start in range(0, count, step):
        levels = flow.expand_grey(grey(frames[start : start + step]).to(torch.float32))
        if last is None:
            earlier, later = [level[:-1] for level in levels], [level[1:] for level in levels]
        else:
            earlier = [torch.cat((tail, level[:-1])) for tail, level in zip(last, levels, strict=True)]
            later = levels
        last = [level[-1:] for level in levels]
        if len(later[0]):
            yield earlier, later
