"""The motion consistency loss: optical flows of the prediction against those of the ground truth.

Source: Eq. 2 and 3 (Yue, Shi, Ding, 2022). O_{t->p} is the flow from frame t to frame p of a clip.

    l_abs  the distance of O_{t->p} of prediction and ground truth, over all pairs (t, p)
    l_rel  (sgn(a) (a - b))_+ with a = O_{t-1->t} and b = O_{t-1->t+1}: motion goes on in its direction

Conventions: clips (B, T, 3, H, W), RGB in [0, 1], not clamped; flows (B, P, 2, H, W), pixels, dx before dy. At least
float32, under autocast too.

Deviations: means over clips, pairs, pixels and channels instead of sums, and no pairs t = p, whose flow is zero. The
release computes flow with OpenCV on copies, so that its loss has no gradient ("detached" here), and takes other pairs
for Eq. 3; here Farneback's flow, or that of a frozen SPyNet, is differentiated, and the pairs are those of the text.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from harness.errors import DataError
from harness.flow import get_flow
from harness.flow.base import FlowEstimator, Pair, take
from harness.ops.precision import at_least_float32, full_precision

Absolute = Literal["all-l2", "adjacent-l2", "all-l1", "none"]
Relative = Literal["hinge", "exact", "none"]
Flow = Literal["farneback", "spynet", "detached"]

_ESTIMATORS: dict[Flow, tuple[str, dict[str, object]]] = {
    "farneback": ("farneback", {"quantise": False}),
    "spynet": ("spynet", {}),
    "detached": ("farneback", {"quantise": True}),
}
"""Name of the estimator in harness.flow.FLOWS, and how it is built."""

# Pixels of flow that are differentiated at once, about 1 kB each with either flow. A CPU takes a clip at a time.
_DEVICE_PIXELS = 2**23


class Motion(NamedTuple):
    """What the loss says of a batch.

    Args:
        total: absolute + relative, differentiable.
        absolute: l_abs, for the log.
        relative: l_rel, for the log.
    """

    total: Tensor
    absolute: Tensor
    relative: Tensor


def motion_flow(name: Flow, *, device: torch.device | None = None) -> FlowEstimator:
    """The flow of that name, on a device. Raises DataError where its weights are not here."""
    estimator, options = _ESTIMATORS[name]
    flow = get_flow(estimator, **options)
    return flow.to(device) if isinstance(flow, nn.Module) else flow


def absolute_pairs(frames: int, form: Absolute) -> list[Pair]:
    """The pairs (t, p) of Eq. 2: all, or neighbours in both directions ("l_abs-AJ"), or none."""
    if form == "none":
        return []
    pairs = list(permutations(range(frames), 2))
    return [(t, p) for t, p in pairs if abs(t - p) == 1] if form == "adjacent-l2" else pairs


def absolute_loss(prediction: Tensor, truth: Tensor, *, form: Absolute) -> Tensor:
    """Eq. 2 as a mean, of flows of one shape; "all-l1" is the row "MCL w/ l_abs-L1"."""
    difference = prediction - truth
    return difference.abs().mean() if form == "all-l1" else difference.square().mean()


def hinge_loss(step: Tensor, double_step: Tensor) -> Tensor:
    """Eq. 3 as a mean: `step` is O_{t-1->t}, `double_step` is O_{t-1->t+1}, both of the prediction."""
    return (step.sign() * (step - double_step)).clamp(min=0).mean()


def exact_loss(step: Tensor, double_step: Tensor, true_step: Tensor, true_double_step: Tensor) -> Tensor:
    """The row "MCL w/ l_rel-SC": the difference of both flows should be that of the ground truth, mean square.

    The text gives no norm; L2 is the reading taken.
    """
    return ((step - double_step) - (true_step - true_double_step)).square().mean()


class MotionConsistency:
    """l_abs + l_rel of a batch of clips.

    Args:
        absolute: the form of Eq. 2.
        relative: the form of Eq. 3.
        flow: an estimator, on the frames' device, or the name of one. "farneback" and "spynet" are differentiable;
            "detached" sees 8-bit frames and has no gradient, as in the release.
    """

    def __init__(
        self,
        *,
        absolute: Absolute = "all-l2",
        relative: Relative = "hinge",
        flow: Flow | FlowEstimator = "farneback",
    ) -> None:
        self.absolute: Absolute = absolute
        self.relative: Relative = relative
        self.flow = flow if isinstance(flow, FlowEstimator) else motion_flow(flow)

    def __call__(self, frames: Tensor, truth: Tensor) -> Motion:
        """Predicted and true clips, (B, T, 3, H, W) in [0, 1]. Raises DataError for clips of under three frames."""
        if frames.shape != truth.shape or frames.shape[1] < 3:
            raise DataError(
                "The motion loss compares clips of three frames or more.",
                found=f"{tuple(frames.shape)} and {tuple(truth.shape)}",
            )
        with full_precision(frames.device.type):
            seen = at_least_float32(frames if self.flow.differentiable else frames.detach())
            total, parts = _InParts.apply(seen, at_least_float32(truth), self)  # type: ignore[no-untyped-call]
        return Motion(total, *parts.unbind())

    def measure(self, frames: Tensor, truth: Tensor) -> Tensor:
        """(l_abs, l_rel) of some clips, as one tensor of two; differentiable in `frames`, all flows at once."""
        count = frames.shape[1]
        wanted = absolute_pairs(count, self.absolute)
        steps = [(t - 1, t) for t in range(1, count - 1)] if self.relative != "none" else []
        doubles = [(t, p + 1) for t, p in steps]
        pairs = list(dict.fromkeys([*wanted, *steps, *doubles]))
        if not pairs:
            return frames.new_zeros(2)
        flows = self.flow.pairs(frames, pairs)
        with torch.no_grad():
            true_flows = self.flow.pairs(truth, pairs)

        def of(source: Tensor, some: Sequence[Pair]) -> Tensor:
            return take(source, [pairs.index(pair) for pair in some])

        absolute = relative = flows.new_zeros(())
        if wanted:
            absolute = absolute_loss(of(flows, wanted), of(true_flows, wanted), form=self.absolute)
        if self.relative == "hinge":
            relative = hinge_loss(of(flows, steps), of(flows, doubles))
        elif self.relative == "exact":
            relative = exact_loss(*(of(source, some) for source in (flows, true_flows) for some in (steps, doubles)))
        return torch.stack((absolute, relative))

    def clips_at_once(self, frames: Tensor) -> int:
        """How many clips are worked on together."""
        count, _, height, width = frames.shape[1:]
        if frames.device.type == "cpu":
            return 1
        return max(1, _DEVICE_PIXELS // (count * (count - 1) * height * width))


class _InParts(torch.autograd.Function):
    """A few clips at a time, each differentiated at once.

    The iterations or layers of a flow on all pairs of a batch would hold tens of gigabytes until the backward pass.
    The loss is a mean over clips, so its gradient by a clip is known as soon as the clip has been measured.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, frames: Tensor, truth: Tensor, loss: MotionConsistency) -> tuple[Tensor, Tensor]:
        step = loss.clips_at_once(frames)
        wanted = loss.flow.differentiable and ctx.needs_input_grad[0]  # type: ignore[attr-defined]
        gradients, sums = [], frames.new_zeros(2)
        for some, true in zip(frames.split(step), truth.split(step), strict=True):
            share = len(some) / len(frames)
            with torch.set_grad_enabled(wanted):
                leaf = some.detach().requires_grad_(wanted)
                parts = loss.measure(leaf, true) * share
                if wanted and parts.requires_grad:
                    gradients += torch.autograd.grad(parts.sum(), leaf)
            sums += parts.detach()
        ctx.save_for_backward(torch.cat(gradients) if gradients else torch.zeros_like(frames))
        ctx.mark_non_differentiable(sums)
        return sums.sum(), sums

    @staticmethod
    def backward(ctx: FunctionCtx, *outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return outer[0] * gradient, None, None
