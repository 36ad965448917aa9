"""Zooming Slow-Mo and TMNet: our programs beside a straightforward one, in time and in calls.

    python -m benchmarks.bench_tmnet [--size 32x32] [--rounds 3] [--device cpu|cuda]

Both compute the releases' functions with the same weights in the same run, taking turns; that they agree is checked
first. Calls are those that a device has to start; views are not counted.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.straightforward_tmnet import Straightforward
from benchmarks.timing import Calls, fastest_ms
from harness.cards.library import shipped_folder
from harness.networks.parity import find_check
from harness.networks.parity.golden import Golden

WORK = (("zooming-slow-mo", 4, 2), ("tmnet", 4, 2), ("tmnet", 2, 6))
"""Network, input frames and rate: the windows of the evaluation at that rate."""


def both(
    network: str, frames: Tensor, rate: int, *, device: str
) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Our program and the straightforward one, on the same frames with the same weights."""
    weights = Golden.read(shipped_folder("goldens") / f"{network}.json").weights("bench")
    check = find_check(network)
    ours = check.build()
    check.load(ours, weights)
    ours = ours.to(device).eval()
    theirs = Straightforward({name: value.to(device) for name, value in weights.items()})
    if rate == 2:
        return (lambda: ours(frames)), (lambda: theirs(frames))
    times = torch.arange(1, rate, device=device).unsqueeze(0) / rate
    return (lambda: ours(frames, times=times)), (lambda: theirs(frames, times))


def calls(program: Callable[[], Tensor]) -> int:
    """How many calls a program makes."""
    with Calls() as counter:
        program()
    count: int = counter.count
    return count


def timed(program: Callable[[], Tensor], device: str) -> Callable[[], None]:
    """A program that has ended when it returns."""

    def run() -> None:
        program()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="32x32", help="of an LR frame; Vid4: 180x144")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    with torch.no_grad():
        for network, given, rate in WORK:
            frames = torch.rand(1, given, 3, height, width, generator=torch.Generator().manual_seed(0))
            programs = both(network, frames.to(arguments.device), rate, device=arguments.device)
            first, second = (program() for program in programs)
            apart = float((first - second).abs().max() / second.abs().max())
            if not apart < 1e-4:
                raise SystemExit(f"{network}: the two do not compute the same: {apart:.1e} apart")
            counts = [calls(program) for program in programs]
            ours, theirs = fastest_ms(
                [timed(program, arguments.device) for program in programs], rounds=arguments.rounds
            )
            print(
                f"{network}, rate {rate}: ours {ours:.0f} ms, {counts[0]} calls; straightforward {theirs:.0f} ms, "
                f"{counts[1]} calls: ratios {ours / theirs:.2f}, {counts[0] / counts[1]:.2f} ({apart:.0e} apart)"
            )


if __name__ == "__main__":
    main()
