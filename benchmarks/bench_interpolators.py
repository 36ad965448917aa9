"""The operators of SepConv and DAIN beside straightforward ones: time.

    python -m benchmarks.bench_interpolators [--size 180x144] [--rounds 2] [--threads 1] [--device cpu]

The straightforward ones go tap by tap over whole frames: SepConv's convolution by 51 x 51 shifted frames, DAIN's
filter interpolation by 16 `gather`, its flow projection by four `scatter_add`, the cost volume by `unfold`. That both
sides give the same numbers is checked first.
"""

import argparse
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.timing import fastest_ms
from harness.ops.correlation import correlation
from harness.ops.filter_interpolation import filter_interpolation
from harness.ops.flow_projection import project_flow
from harness.ops.separable_conv import separable_conv

TAPS, CHANNELS = 51, 196

Case = tuple[str, Callable[[], Tensor], Callable[[], Tensor]]


def convolved(frames: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """SepConv's convolution, tap by tap."""
    height, width = vertical.shape[2:]
    total = torch.zeros(*frames.shape[:2], height, width, device=frames.device)
    row = torch.zeros_like(total)
    for i in range(TAPS):
        row.zero_()
        for j in range(TAPS):
            row.addcmul_(frames[..., i : i + height, j : j + width], horizontal[:, j : j + 1])
        total.addcmul_(row, vertical[:, i : i + 1])
    return total


def filtered(maps: Tensor, flow: Tensor, filters: Tensor) -> Tensor:
    """DAIN's filter interpolation, tap by tap; for flows that stay inside and are short."""
    batch, channels, height, width = maps.shape
    x = flow[:, 0] + torch.arange(width, device=flow.device)
    y = flow[:, 1] + torch.arange(height, device=flow.device).view(-1, 1)
    left, top = x.floor(), y.floor()
    planes, result = maps.flatten(2), torch.zeros_like(maps)
    for k in range(16):
        j, i = divmod(k, 4)
        column = (left.long() - 1 + i).clamp(0, width - 1)
        row = (top.long() - 1 + j).clamp(0, height - 1)
        a, b = x - left, y - top
        weight = (1 - a if i < 2 else a) * (1 - b if j < 2 else b) * filters[:, k]
        index = (row * width + column).view(batch, 1, -1).expand(-1, channels, -1)
        result.addcmul_(planes.gather(2, index).view(maps.shape), weight.unsqueeze(1))
    return result


def projected(flow: Tensor, weights: Tensor) -> Tensor:
    """DAIN's flow projection, corner by corner, holes left open; for flows that stay inside."""
    batch, _, height, width = flow.shape
    left = (flow[:, 0] + torch.arange(width, device=flow.device)).long()
    top = (flow[:, 1] + torch.arange(height, device=flow.device).view(-1, 1)).long()
    brought = torch.cat((-weights * flow, weights), dim=1).flatten(2)
    sums = torch.zeros_like(brought)
    for row in (top, (top + 1).clamp(max=height - 1)):
        for column in (left, (left + 1).clamp(max=width - 1)):
            index = (row * width + column).view(batch, 1, -1).expand(-1, 3, -1)
            sums = sums.scatter_add(2, index, brought)
    total, passed = sums.view(batch, 3, height, width).split((2, 1), dim=1)
    return torch.where(passed > 0, total / passed, 0)


def compared(first: Tensor, second: Tensor) -> Tensor:
    """The cost volume, all displacements at once."""
    seen = F.unfold(second, 9, padding=4).view(*second.shape[:2], 81, *second.shape[2:])
    return (first.unsqueeze(2) * seen).mean(dim=1)


def cases(width: int, height: int, device: str) -> list[Case]:
    """Name, ours, straightforward; on the same numbers."""
    generator = torch.Generator().manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.rand(1, *shape, generator=generator).to(device)

    frames = noise(3, height + TAPS - 1, width + TAPS - 1)
    kernels = noise(TAPS, height, width), noise(TAPS, height, width)
    room = torch.tensor((width, height), device=device).view(2, 1, 1)
    y, x = torch.meshgrid(*(torch.arange(length, device=device) for length in (height, width)), indexing="ij")
    goal = noise(2, height, width) * (room - 1)
    flow = (goal - torch.stack((x, y))).clamp(-8, 8)  # towards a place inside, so it stays there
    maps = noise(CHANNELS, height, width).contiguous(memory_format=torch.channels_last)
    planes, filters, weights = maps.contiguous(), noise(16, height, width), noise(1, height, width) + 0.1
    features = noise(32, height, width), noise(32, height, width)
    return [
        ("separable_conv", lambda: separable_conv(frames, *kernels), lambda: convolved(frames, *kernels)),
        (
            "filter_interpolation",
            lambda: filter_interpolation(maps, flow, filters),
            lambda: filtered(planes, flow, filters),
        ),
        ("project_flow", lambda: project_flow(flow, weights, fill=False), lambda: projected(flow, weights)),
        ("correlation", lambda: correlation(*features, max_displacement=4), lambda: compared(*features)),
    ]


def done(run: Callable[[], Tensor]) -> Callable[[], object]:
    """With a number at the end: on a GPU, all of it is done then."""
    return lambda: float(run().sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="180x144", help="of a frame; the cost volume is of maps of this size")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    for name, ours, straightforward in cases(width, height, arguments.device):
        with torch.inference_mode():
            wanted = straightforward()
            apart = float((ours() - wanted).abs().max() / wanted.abs().max())
            if not apart < 1e-5:
                raise SystemExit(f"{name}: the two do not compute the same: {apart:.1e} apart")
            our_ms, their_ms = fastest_ms([done(ours), done(straightforward)], rounds=arguments.rounds)
        print(
            f"{name} at {arguments.size}: ours {our_ms:.1f} ms, straightforward {their_ms:.1f} ms:"
            f" ratio {our_ms / their_ms:.2f} ({apart:.0e} apart)"
        )


if __name__ == "__main__":
    main()
