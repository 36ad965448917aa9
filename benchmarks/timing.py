"""Timing side by side: the machine's moods hit all sides alike."""

import statistics
import time
from collections.abc import Callable


def rounds_ms(
    functions: list[Callable[[], object]], *, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """The milliseconds of every round for each function, all taking turns; one round before them warms up.

    With `clock=time.process_time` they are those of the processor, in which other programs have no part.
    """
    times: list[list[float]] = [[] for _ in functions]
    for counts in (False, *(True for _ in range(rounds))):
        for function, own in zip(functions, times, strict=True):
            start = clock()
            function()
            if counts:
                own.append(1e3 * (clock() - start))
    return times


def fastest_ms(functions: list[Callable[[], object]], *, rounds: int) -> list[float]:
    """The fastest of some rounds for each function, all taking turns."""
    return [min(own) for own in rounds_ms(functions, rounds=rounds)]


def ratio(times: list[float], others: list[float]) -> float:
    """The median over rounds of one function's time over another's in the same round."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))
