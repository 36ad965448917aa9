"""A training step on a CPU: what the motion loss adds to it, and ours beside the loop that one would write first.

    python -m benchmarks.bench_training [--method stinet] [--crop 16] [--batch 1] [--rounds 7] [--threads 1]

Steps of three loops take turns: ours with the motion loss (all pairs, differentiated), ours without it, and the
straightforward one with it. That two of them compute the same losses is checked first. Times are the processor's, so
that other programs tell little; ratios are medians over rounds, each of two steps of one round. Peak memory is what a
process of its own has more at its highest than before its first step. The perceptual loss is left out: its weights
are not shipped.

Ends with an error when the motion loss adds more than --limit, a part of the step without it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.straightforward_training import StraightforwardLoop
from benchmarks.timing import ratio, rounds_ms
from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.training.batches import Batches
from harness.training.folder import Folder
from harness.training.frames import MemoryStore, extent
from harness.training.loop import Trainer
from harness.training.sampling import Sampler
from harness.training.team import Team
from harness.training.train import Plan, TrainRequest, plan_training
from harness.training.trainable import Units

LAMBDA_MCL = 0.1
SIDES = ("ours", "without", "straightforward")


class Silence:
    """A watcher that says nothing."""

    def said(self, words: str) -> None:
        del words

    def reached(self, part: float, words: str) -> None:
        del part, words


def plan_of(side: str, arguments: argparse.Namespace) -> Plan:
    """What is trained, with the same first weights for every side."""
    mcl = 0 if side == "without" else LAMBDA_MCL
    request = TrainRequest(
        method=arguments.method,
        data="demo",
        recipe="smoke",
        overrides=Overrides.parse([f"training.lambda_mcl={mcl}", "training.lambda_per=0"]),
        recipe_changes={"crop": arguments.crop, "batch": arguments.batch, "iterations": 10**6, "validation_clips": 0},
        out=Path(tempfile.gettempdir()),  # nothing is written
    )
    return plan_training(request, CardLibrary())


def batches_of(plan: Plan) -> Batches:
    """The same crops for every side."""
    clips, scale = plan.source.clips, plan.trainable.scale
    extents, names = [extent(clip, scale=scale) for clip in clips], [clip.name for clip in clips]
    frames, crop = plan.recipe.frames, plan.recipe.crop
    sampler = Sampler(extents, names, frames=frames, crop=crop, seed=0, reverse_time=False)
    return Batches(MemoryStore(clips, scale=scale, device=plan.device), sampler, plan.recipe, device=plan.device)


def stepper(side: str, arguments: argparse.Namespace) -> Callable[[], None]:
    """What makes a step of a side."""
    plan = plan_of(side, arguments)
    batches = batches_of(plan)
    if side == "straightforward":
        (truth,) = batches.get(0)
        loop = StraightforwardLoop(plan.trainable, lambda_mcl=LAMBDA_MCL)
        return lambda: loop.step(truth)
    trainer = Trainer(
        plan.trainable,
        plan.objective,
        batches,
        plan.recipe,
        identity={},
        folder=Folder(plan.folder),
        device=plan.device,
        team=Team(),
        watcher=Silence(),
    )
    return lambda: trainer._step(0.0)


def check(arguments: argparse.Namespace) -> None:
    """Both ways to the losses must lead to the same numbers."""
    plan = plan_of("ours", arguments)
    (truth,) = batches_of(plan).get(0)
    with torch.no_grad():
        prediction = plan.trainable.predict(truth.lr[:, ::2], rate=2)
        ours = plan.objective(prediction, truth, Units(plan.trainable, plan.device)).terms
        theirs = StraightforwardLoop(plan.trainable, lambda_mcl=LAMBDA_MCL).losses(truth)
    apart = max(float((ours[name] / theirs[name] - 1).abs()) for name in ours)
    if not apart < 1e-4:
        raise SystemExit(f"the two do not compute the same: {apart:.1e} apart")


def memory_mib(side: str, arguments: argparse.Namespace) -> float:
    """How far the memory of this process rises in two steps."""

    def status(key: str) -> float:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))

    step = stepper(side, arguments)
    before = status("VmRSS")
    step()
    step()
    return status("VmHWM") - before


def report(arguments: argparse.Namespace) -> None:
    check(arguments)
    title = f"{arguments.method}, {arguments.batch} x {arguments.crop}x{arguments.crop}, T = 7"
    steps: list[Callable[[], object]] = [stepper(side, arguments) for side in SIDES]
    ours, without, other = rounds_ms(steps, rounds=arguments.rounds, clock=time.process_time)
    whole, bare, straight = (statistics.median(times) for times in (ours, without, other))
    print(f"{title}: ours {whole:.0f} ms, without motion loss {bare:.0f} ms, straightforward {straight:.0f} ms")
    print(f"  the motion loss adds {100 * (ratio(ours, without) - 1):.0f} %")
    print(f"  ours / straightforward: {ratio(ours, other):.2f} of the time", end="", flush=True)
    own = [sys.executable, "-m", "benchmarks.bench_training", *sys.argv[1:], "--memory"]
    rises = {side: float(subprocess.run([*own, side], check=True, capture_output=True).stdout) for side in SIDES}
    print(f", {rises['ours'] / rises['straightforward']:.2f} of the memory")
    print("  memory of a step: " + ", ".join(f"{side} {rise:.0f} MiB" for side, rise in rises.items()))
    if ratio(ours, without) > 1 + arguments.limit:
        raise SystemExit(f"the motion loss adds more than {100 * arguments.limit:.0f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="stinet", help="stinet or a variant with all pictures of phase 1")
    parser.add_argument("--crop", type=int, default=16, help="side, LR pixels; the paper's: 32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=0.25)
    parser.add_argument("--memory", choices=SIDES, help="only print what a step of this side takes, MiB")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.memory:
        print(memory_mib(arguments.memory, arguments))
    else:
        report(arguments)


if __name__ == "__main__":
    main()
