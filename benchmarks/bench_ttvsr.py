"""TTVSR's attention along trajectories beside a straightforward one of the same weights: time, calls, memory.

    python -m benchmarks.bench_ttvsr [--size 96x64] [--keys 6] [--rounds 3] [--threads 1]

Both remember the same key frames, and both attend once for a frame whose cells come from random places in them. That
both give the same is checked first. A whole walk would show little: its residual blocks take nearly all of its time.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.straightforward_ttvsr import Straightforward, shrunk, unfold
from benchmarks.timing import Calls, Largest, fastest_ms
from harness.networks.ttvsr.trajectories import CELL, Keys, TrajectoryAttention

CHANNELS = 64
MIB = 2**20


def two_sides(width: int, height: int, count: int) -> tuple[list[Callable[[], Tensor]], list[float]]:
    """Ours and the straightforward one, each ready to attend once, and the MiB that each keeps of its key frames."""
    attention = TrajectoryAttention(CHANNELS).eval().requires_grad_(False)
    plain = Straightforward({f"LTAM.fusion.{name}": value for name, value in attention.fuse.state_dict().items()})
    rows, columns = height // CELL, width // CELL
    maps = [(torch.randn(1, CHANNELS, height, width), torch.randn(1, CHANNELS, height, width)) for _ in range(count)]
    keys = Keys(maps[0][0], room=count)
    for pair in maps:
        keys.add(*pair)
    keys.cells = torch.randint(rows * columns, (1, count, rows * columns))
    location = torch.stack((keys.cells % columns, keys.cells // columns), dim=2).view(1, -1, rows, columns).float()
    stored = [(unfold(f), unfold(p), unfold(shrunk(p, 6)), unfold(shrunk(p, 8))) for f, p in maps]
    kept = [(keys.tokens, keys.values), [tokens for four in stored for tokens in four]]
    frame, anchor = maps[0]
    return [
        lambda: attention(anchor, frame, keys),
        lambda: plain.attend(frame, location, anchor, stored),
    ], [sum(tensor.nbytes for tensor in tensors) / MIB for tensors in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="96x64", help="of an LR frame, multiples of 4")
    parser.add_argument("--keys", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    width, height = map(int, arguments.size.split("x"))
    sides, kept = two_sides(width, height, arguments.keys)
    with torch.inference_mode():
        ours, theirs = (side() for side in sides)
        apart = float((ours - theirs).abs().max())
        if not apart < 1e-3:
            raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
        said = []
        for side, memory in zip(sides, kept, strict=True):
            with Calls() as calls, Largest() as largest:
                side()
            said.append(
                f"{calls.count} calls, {memory:.0f} MiB kept, largest tensor {4 * largest.elements / MIB:.0f}"
            )
        our_ms, their_ms = fastest_ms([*sides], rounds=arguments.rounds)
    print(
        f"{arguments.keys} keys of {arguments.size}: ours {our_ms:.1f} ms, {said[0]};"
        f" straightforward {their_ms:.1f} ms, {said[1]}: ratio {our_ms / their_ms:.2f} ({apart:.0e} apart)"
    )


if __name__ == "__main__":
    main()
