"""How long the variational flow takes, as a part of what the same flow takes with a straightforward solver.

    python -m benchmarks.bench_variational [--size 40x30] [--pairs 1] [--rounds 3] [--device cpu]

Both are batched and give the same numbers, which is checked first. The straightforward solver updates a diagonal of
pixels at a time, one sweep after the other; ours has all sweeps under way at once (harness.flow.relaxation).
"""

import argparse
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.timing import fastest_ms
from harness.flow.energy import Equations
from harness.flow.relaxation import from_diagonals, to_diagonals
from harness.flow.variational import Variational

OMEGA = 1.8


class Straightforward:
    """The solver with its sweeps one after the other.

    Args:
        like: (N, 2, H, W), for size, precision and device.
        sweeps: over all pixels.
    """

    def __init__(self, like: Tensor, *, sweeps: int) -> None:
        self.width, self.sweeps = like.shape[-1], sweeps

    def solve(self, equations: Equations) -> Tensor:
        """(du, dv), (N, 2, H, W)."""
        diagonal, cross, right_side, right, below = (to_diagonals(part) for part in equations)
        count, pairs, _, height = diagonal.shape
        left = F.pad(right[:-1], (0, 0, 0, 0, 0, 0, 1, 0))
        above = F.pad(below[:-1], (1, 0, 0, 0, 0, 0, 1, 0))[..., :-1]
        scale = torch.where(diagonal > 0, OMEGA / diagonal, 0)
        d = diagonal.new_zeros((count + 2, pairs, 2, height + 2))
        for _ in range(self.sweeps):
            for k in range(count):
                before, here, after = d[k], d[k + 1, ..., 1:-1], d[k + 2]
                total = right_side[k] + left[k] * before[..., 1:-1] + above[k] * before[..., :-2]
                total = total + right[k] * after[..., 1:-1] + below[k] * after[..., 2:]
                du = (1 - OMEGA) * here[:, :1] + scale[k, :, :1] * (total[:, :1] - cross[k] * here[:, 1:])
                dv = (1 - OMEGA) * here[:, 1:] + scale[k, :, 1:] * (total[:, 1:] - cross[k] * du)
                here.copy_(torch.cat((du, dv), dim=1))
        return from_diagonals(d[1:-1, ..., 1:-1], width=self.width)


def pictures(width: int, height: int, pairs: int, device: str) -> tuple[Tensor, Tensor]:
    """Smooth noise, and the same four pixels further to the left."""
    rough = torch.rand(pairs, 3, height // 8 + 2, width // 8 + 2, generator=torch.Generator().manual_seed(0))
    large = F.interpolate(rough, size=(height, width + 4), mode="bicubic").clamp(0, 1).to(device)
    return large[..., :width], large[..., 4:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="40x30", help="of a frame; Vid4's LR frames: 180x144")
    parser.add_argument("--pairs", type=int, default=1, help="in a batch")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    frames = pictures(width, height, arguments.pairs, arguments.device)
    flow = Variational()

    def straightforward() -> float:
        with mock.patch("harness.flow.variational.Relaxation", Straightforward):
            return float(flow(*frames).double().sum())

    def ours() -> float:
        return float(flow(*frames).double().sum())  # a number: on a GPU, all of it is done then

    apart = abs(ours() - straightforward()) / frames[0].numel()
    if not apart < 1e-6:
        raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
    our_ms, their_ms = fastest_ms([ours, straightforward], rounds=arguments.rounds)
    print(
        f"{arguments.size}, {arguments.pairs} pairs: ours {our_ms:.0f} ms, straightforward {their_ms:.0f} ms:"
        f" ratio {our_ms / their_ms:.3f}; ours {our_ms / arguments.pairs:.0f} ms a pair"
    )


if __name__ == "__main__":
    main()
