"""STARnet beside a straightforward program of the same weights: time, and calls that compute.

    python -m benchmarks.bench_starnet [--size 32x32] [--rounds 2] [--threads 1] [--device cpu]

That both give the same frames is checked first.
"""

import argparse

import torch

from benchmarks.straightforward_starnet import Straightforward
from benchmarks.timing import Calls, fastest_ms
from harness.cards.library import shipped_folder
from harness.networks.parity.golden import Golden
from harness.networks.starnet.build import build_starnet
from harness.networks.starnet.key_map import from_release


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="32x32", help="of an LR frame; Vid4: 180x144")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    weights = Golden.read(shipped_folder("goldens") / "starnet.json").weights("bench")
    network = build_starnet().eval()
    network.load_state_dict(from_release(weights), strict=False)  # counters of batches are no weights
    network = network.to(arguments.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    other = Straightforward({name: value.to(arguments.device) for name, value in weights.items()})
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(1, 2, 3, height, width, generator=generator).to(arguments.device)
    flows = (0.1 * torch.randn(2, 1, 2, height, width, generator=generator)).to(arguments.device)

    def ours() -> float:
        return float(network(frames, *flows).sum())  # a number: on a GPU, all of it is done then

    def theirs() -> float:
        return float(other(frames, *flows)[1].sum())

    with torch.inference_mode():
        made = network(frames, *flows)
        apart = max(float((made[:, k] - other(frames, *flows)[k]).abs().max()) for k in range(3))
        if not apart < 1e-3:
            raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
        counts = []
        for run in (ours, theirs):
            with Calls() as calls:
                run()
            counts.append(calls.count)
        our_ms, their_ms = fastest_ms([ours, theirs], rounds=arguments.rounds)
    print(
        f"{arguments.size}: ours {our_ms:.0f} ms in {counts[0]} calls, straightforward {their_ms:.0f} ms in"
        f" {counts[1]}: ratio {our_ms / their_ms:.2f} ({apart:.0e} apart)"
    )


if __name__ == "__main__":
    main()
