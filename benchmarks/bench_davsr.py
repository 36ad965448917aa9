"""DAVSR beside a straightforward program of the same weights: time, and calls that compute.

    python -m benchmarks.bench_davsr [--size 32x32] [--frames 2] [--rounds 1] [--threads 1]

That both give the same frames is checked first. On a CPU: the straightforward program makes its constants there.
"""

import argparse

import torch

from benchmarks.straightforward_davsr import Straightforward
from benchmarks.timing import Calls, fastest_ms
from harness.cards.library import shipped_folder
from harness.networks.davsr.build import build_davsr
from harness.networks.davsr.data_step import spatial_kernel
from harness.networks.davsr.key_map import from_release
from harness.networks.parity.golden import Golden


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="32x32", help="of an LR frame, multiples of 32")
    parser.add_argument("--frames", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    weights = Golden.read(shipped_folder("goldens") / "davsr.json").weights("bench")
    network = build_davsr().eval()
    network.load_state_dict(from_release(weights), strict=False)  # the constants of SPyNet are no weights
    flow = network.prior.flow
    constants = {name: flow.get_buffer(ours) for name, ours in (("mean", "mean"), ("std", "deviation"))}
    weights |= {f"generator.vsr.spynet.{name}": value for name, value in constants.items()}
    other = Straightforward(weights, spatial_kernel())
    frames = torch.rand(1, arguments.frames, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        apart = float((network(frames) - other(frames)).abs().max())
        if not apart < 1e-3:
            raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
        counts = []
        for run in (network, other):
            with Calls() as calls:
                run(frames)
            counts.append(calls.count)
        our_ms, their_ms = fastest_ms([lambda: network(frames), lambda: other(frames)], rounds=arguments.rounds)
    print(
        f"{arguments.frames} frames of {arguments.size}: ours {our_ms:.0f} ms in {counts[0]} calls,"
        f" straightforward {their_ms:.0f} ms in {counts[1]}: ratio {our_ms / their_ms:.2f} ({apart:.0e} apart)"
    )


if __name__ == "__main__":
    main()
