"""STINet: our program beside a straightforward one on a CPU; on a GPU its precisions and their bounds.

    python -m benchmarks.bench_stinet [--size 32x32] [--rounds 5] [--device cpu|cuda] [--compile]

CPU: both compute the release's function with the same weights in the same run, taking turns; that they agree is
checked first. CUDA: milliseconds per window of four LR frames, eager and as a CUDA graph, against two bounds: the
operations of the window over the rate of a large matrix product that is timed in the same run, and over the rates
that a program at half of that would reach.
"""

import argparse
import copy
import json
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.straightforward_stinet import Straightforward
from benchmarks.timing import fastest_ms
from harness.evaluation.precision import Precision, compute
from harness.networks.stinet.build import build_stinet
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import OFFICIAL

PRECISIONS: tuple[Precision, ...] = ("fp32", "tf32", "fp16", "bf16")


def window(width: int, height: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Four frames and their flows, noise."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(1, 4, 3, height, width, generator=generator)
    flows = torch.randn(2, 1, 3, 2, height, width, generator=generator)
    return frames.to(device), flows[0].to(device), flows[1].to(device)


def on_cpu(network: STINet, inputs: tuple[Tensor, Tensor, Tensor], rounds: int) -> None:
    """Ours beside the straightforward one."""
    other = Straightforward(copy.deepcopy(network).to(memory_format=torch.contiguous_format))  # type: ignore[call-overload]
    apart = float((network(*inputs) - other(*inputs)).abs().max() / network(*inputs).abs().max())
    if not apart < 1e-4:
        raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")
    ours, theirs = fastest_ms([lambda: network(*inputs), lambda: other(*inputs)], rounds=rounds)
    print(f"ours {ours:.0f} ms, straightforward {theirs:.0f} ms: ratio {ours / theirs:.2f} ({apart:.0e} apart)")


def on_gpu(network: STINet, inputs: tuple[Tensor, Tensor, Tensor], rounds: int, *, compiled: bool) -> None:
    """Every precision, eager, as a CUDA graph and compiled, as one JSON line each."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    flops = counter.get_total_flops()
    exact = network(*inputs)
    for precision in PRECISIONS:
        with compute(inputs[0].device, precision):
            peak = matrix_rate(precision)
            distance = float((network(*inputs).double() - exact.double()).square().mean().log10() * -10)
            eager = device_ms(lambda: network(*inputs), rounds)
            graph = device_ms(graphed(network, inputs), rounds)
            quick = device_ms(graphed(torch.compile(network), inputs), rounds) if compiled else float("nan")
        bound = 1e3 * flops / peak
        found = {"precision": precision, "eager_ms": eager, "graph_ms": graph, "compiled_graph_ms": quick}
        found |= {"bound_ms": bound, "eager_over_bound": eager / bound, "distance_db": distance}
        print(json.dumps(found), flush=True)
    print(json.dumps({"gflop": flops / 1e9, "peak_memory_mib": torch.cuda.max_memory_allocated() / 2**20}))


def matrix_rate(precision: Precision) -> float:
    """Operations a second of a large matrix product of random numbers, in the current precision's context."""
    size = 8192
    a, b = torch.randn(2, size, size, device="cuda")
    if precision in ("fp16", "bf16"):
        dtype = torch.float16 if precision == "fp16" else torch.bfloat16
        a, b = a.to(dtype), b.to(dtype)
    return 2.0 * size**3 / (device_ms(lambda: a @ b, 5) / 1e3)


def graphed(network: Callable[..., Tensor], inputs: tuple[Tensor, Tensor, Tensor]) -> Callable[[], None]:
    """The network on these inputs as one CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            network(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network(*inputs)
    return graph.replay


def device_ms(work: Callable[[], object], rounds: int) -> float:
    """The median of some rounds, by the device's own clock."""
    work()
    times: list[float] = []
    for _ in range(rounds + 1):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times[1:])[rounds // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="32x32", help="of an LR frame; Vid4: 180x144")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", action="store_true", help="also through torch.compile")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    width, height = map(int, arguments.size.split("x"))
    network = build_stinet(OFFICIAL, offset_init="kaiming").to(arguments.device).eval()
    inputs = window(width, height, arguments.device)
    with torch.inference_mode():
        if arguments.device == "cpu":
            on_cpu(network, inputs, arguments.rounds)
        else:
            on_gpu(network, inputs, arguments.rounds, compiled=arguments.compile)


if __name__ == "__main__":
    main()
