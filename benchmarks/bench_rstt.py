"""RSTT: our program beside a straightforward one on a CPU.

    python -m benchmarks.bench_rstt [--size 36x32] [--depth 4] [--rounds 5] [--threads 1]

Both compute the same function with the same weights in the same run, taking turns; that they agree is checked first.
Calls are those that compute something: on a GPU each of them is at least one kernel.
"""

import argparse

import torch

from benchmarks.straightforward_rstt import Straightforward
from benchmarks.timing import Calls, fastest_ms
from harness.cards.library import shipped_folder
from harness.networks.parity.golden import Golden
from harness.networks.rstt.build import build_rstt
from harness.networks.rstt.key_map import from_release
from harness.networks.rstt.options import RSTTOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="36x32", help="of an LR frame; Vid4: 180x144")
    parser.add_argument("--depth", type=int, default=4, choices=range(1, 9), help="4 is RSTT-S, 8 is RSTT-L")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    weights = Golden.read(shipped_folder("goldens") / "rstt.json").weights("bench")
    left_out = tuple(f".blocks.{k}." for k in range(arguments.depth, 8))
    weights = {key: value for key, value in weights.items() if not any(part in key for part in left_out)}
    network = build_rstt(RSTTOptions(depth=arguments.depth)).eval()
    network.load_state_dict(from_release(weights))
    other = Straightforward(weights)
    window = torch.rand(1, 4, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        apart = float((network(window) - other(window)).abs().max())
        if not apart < 1e-4:
            raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
        counts = []
        for program in (network, other):
            with Calls() as calls:
                program(window)
            counts.append(calls.count)
        ours, theirs = fastest_ms([lambda: network(window), lambda: other(window)], rounds=arguments.rounds)
    print(
        f"{arguments.size}, depth {arguments.depth}: ours {ours:.0f} ms in {counts[0]} calls, straightforward"
        f" {theirs:.0f} ms in {counts[1]}: ratio {ours / theirs:.2f} ({apart:.0e} apart)"
    )


if __name__ == "__main__":
    main()
