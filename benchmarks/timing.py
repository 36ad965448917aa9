"""Timing side by side: the machine's moods hit all sides alike."""

import time
from collections.abc import Callable


def fastest_ms(functions: list[Callable[[], object]], *, rounds: int) -> list[float]:
    """The fastest of some rounds for each function, all taking turns; one round more than counted warms up."""
    best = [float("inf")] * len(functions)
    for _ in range(rounds + 1):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[i] = min(best[i], 1e3 * (time.perf_counter() - start))
    return best
