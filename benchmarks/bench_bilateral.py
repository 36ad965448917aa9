"""ABME and BMBC beside plain programs of the same weights: time, and calls that compute.

    python -m benchmarks.bench_bilateral [--size 180x144] [--rounds 2] [--threads 1] [--rate 2]

That both give the same frames is checked first. On a CPU. BMBC makes rate - 1 frames, ABME the middle one.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.straightforward_bilateral import StraightforwardABME, StraightforwardBMBC
from benchmarks.timing import Calls, fastest_ms
from harness.cards.library import shipped_folder
from harness.networks.abme.build import abme
from harness.networks.abme.key_map import from_release as abme_from_release
from harness.networks.bmbc.build import bmbc
from harness.networks.bmbc.key_map import from_release as bmbc_from_release
from harness.networks.parity.golden import Golden

Run = Callable[[], Tensor]
NETWORKS = ("abme", "bmbc")


def programs(frames: Tensor, *, rate: int) -> dict[str, tuple[Run, Run]]:
    """Ours and the plain one, by name."""
    first, second = frames.split(1)
    weights = {name: Golden.read(shipped_folder("goldens") / f"{name}.json").weights("bench") for name in NETWORKS}
    ours_a, ours_b = abme().eval(), bmbc().eval()
    ours_a.load_state_dict(abme_from_release(weights["abme"]))
    ours_b.load_state_dict(bmbc_from_release(weights["bmbc"]))
    plain_a, plain_b = StraightforwardABME(weights["abme"]), StraightforwardBMBC(weights["bmbc"])
    times = [k / rate for k in range(1, rate)]
    return {
        "abme": (lambda: ours_a(first, second), lambda: plain_a(first, second)),
        "bmbc": (
            lambda: ours_b(first, second, times)[0],
            lambda: torch.cat([plain_b(first, second, time) for time in times]),
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="180x144", help="of a frame")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    frames = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for name, (ours, plain) in programs(frames, rate=arguments.rate).items():
            apart = float((ours() - plain()).abs().max())
            if not apart < 1e-3:
                raise SystemExit(f"{name}: the two do not compute the same: {apart:.1e} apart")
            counts = []
            for run in (ours, plain):
                with Calls() as calls:
                    run()
                counts.append(calls.count)
            our_ms, plain_ms = fastest_ms([ours, plain], rounds=arguments.rounds)
            print(
                f"{name}, {arguments.size}: ours {our_ms:.0f} ms in {counts[0]} calls,"
                f" plain {plain_ms:.0f} ms in {counts[1]}: ratio {our_ms / plain_ms:.2f} ({apart:.0e} apart)"
            )


if __name__ == "__main__":
    main()
