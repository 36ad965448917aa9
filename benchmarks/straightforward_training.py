"""The training loop that one would write first, beside which benchmarks.bench_training puts ours.

The same network and the same crops. Flow goes pair by pair, so that a frame is expanded as often as it is in a pair;
everything is differentiated in one backward pass at the end; constants are made where they are needed; every loss is
fetched after every step. The flow's own operations are ours.
"""

from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.flow.farneback import Farneback
from harness.training.losses.objective import Truth
from harness.training.trainable import Trainable


class StraightforwardLoop:
    """Eq. 4 without the perceptual loss, and Adam.

    Args:
        trainable: learns; its units are ImageNet's.
        lambda_mcl: weight of the motion loss.
    """

    def __init__(self, trainable: Trainable, *, lambda_mcl: float) -> None:
        self.trainable, self.lambda_mcl = trainable, lambda_mcl
        self.optimizer = torch.optim.Adam([p for p in trainable.module.parameters() if p.requires_grad], lr=1e-4)
        self.flow = Farneback(quantise=False)
        self.log: list[dict[str, float]] = []

    def step(self, truth: Truth) -> None:
        """Learn from a batch."""
        self.optimizer.zero_grad()
        losses = self.losses(truth)
        losses["total"].backward()
        self.optimizer.step()
        self.log.append({name: loss.item() for name, loss in losses.items()})

    def losses(self, truth: Truth) -> dict[str, Tensor]:
        """All of them, and their sum as "total"."""
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        hr, lr = (truth.hr - mean) / deviation, (truth.lr - mean) / deviation
        out = self.trainable.predict(truth.lr[:, ::2], rate=2)
        losses = {"rec": F.mse_loss(out.frames, hr)}
        losses["rec_lr"] = F.mse_loss(out.pictures["lr"], lr)
        losses["rec_hr"] = F.mse_loss(out.pictures["hr"], hr)
        losses |= self.motion(out.frames * deviation + mean, truth.hr)
        losses["total"] = losses["rec"] + losses["rec_lr"] + losses["rec_hr"]
        losses["total"] = losses["total"] + self.lambda_mcl * (losses["mcl_abs"] + losses["mcl_rel"])
        return losses

    def motion(self, frames: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Eq. 2 and 3, as means."""
        clips, count = frames.shape[:2]
        absolute, relative = [], []
        for b in range(clips):
            flows = {}
            for t, p in permutations(range(count), 2):
                flows[t, p] = self.flow(frames[b, t : t + 1], frames[b, p : p + 1])
                wanted = self.flow(truth[b, t : t + 1], truth[b, p : p + 1])
                absolute.append((flows[t, p] - wanted).square().mean())
            for t in range(1, count - 1):
                step, double_step = flows[t - 1, t], flows[t - 1, t + 1]
                relative.append((step.sign() * (step - double_step)).clamp(min=0).mean())
        return {"mcl_abs": torch.stack(absolute).mean(), "mcl_rel": torch.stack(relative).mean()}
