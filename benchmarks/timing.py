"""Timing side by side, where the machine's moods hit all sides alike; and counting what a device is asked to do."""

import statistics
import time
from collections.abc import Callable

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode


class Calls(TorchDispatchMode):
    """Counts the calls that compute: a view costs nothing on a device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own is not annotated
        self.count: int = 0

    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        self.count += 0 if func.is_view else 1
        return func(*args, **(kwargs or {}))


class Largest(TorchDispatchMode):
    """The elements of the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own is not annotated
        self.elements = 0

    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and not func.is_view:
            self.elements = max(self.elements, made.numel())
        return made


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
