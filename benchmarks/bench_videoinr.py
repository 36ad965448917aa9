"""VideoINR's decoder: our program beside a straightforward one on a CPU.

    python -m benchmarks.bench_videoinr [--size 48x36] [--scale 4] [--rounds 3] [--threads 1]

Both make a frame of the same features with the same weights in the same run, taking turns; that they agree is checked
first: each is some 1e-5 from double precision, more for larger frames, whose positions have fewer digits left for a
pixel. Largest is the largest tensor that each of them makes.
"""

import argparse
from collections.abc import Callable

import torch

from benchmarks.straightforward_videoinr import StraightforwardDecoder
from benchmarks.timing import Largest, fastest_ms
from harness.cards.library import shipped_folder
from harness.networks.parity.golden import Golden
from harness.networks.videoinr.build import build_videoinr
from harness.networks.videoinr.key_map import from_release


def largest_mib(program: Callable[[], object]) -> float:
    with Largest() as largest:
        program()
    return float(4 * largest.elements / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="48x36", help="of an LR frame; Vid4: 180x144")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    size = (arguments.scale * height, arguments.scale * width)
    weights = Golden.read(shipped_folder("goldens") / "videoinr.json").weights("bench")
    network = build_videoinr().eval()
    network.load_state_dict(from_release(weights))
    other = StraightforwardDecoder(weights)
    pair = torch.rand(1, 2, 3, height, width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features, known, time = network.encoder(pair).flatten(1, 2), network.know(pair), torch.tensor([[0.5]])
        made = network.frames(known, time, size), other(features, pair, (0.5,), size)
        apart = float((made[0] - made[1]).abs().max())
        if not apart < 5e-4:
            raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
        programs: list[Callable[[], object]] = [
            lambda: network.frames(known, time, size),
            lambda: other(features, pair, (0.5,), size),
        ]
        mine, yours = map(largest_mib, programs)
        ours, theirs = fastest_ms(programs, rounds=arguments.rounds)
    print(
        f"{arguments.size} to {size[1]}x{size[0]}: ours {ours:.0f} ms, largest {mine:.0f} MiB, straightforward"
        f" {theirs:.0f} ms, largest {yours:.0f} MiB: ratio {ours / theirs:.2f} ({apart:.0e} apart)"
    )


if __name__ == "__main__":
    main()
