"""The loop: step after step until the budget is used up, with checkpoints, a log and validations on the way.

Nothing in a step waits for the device: losses are added up there and read when the log is written. A loss or a weight
that is not a number is found then, and before every checkpoint, so that no checkpoint ever holds one.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from harness.errors import TrainingError
from harness.evaluation.precision import compute
from harness.training.batches import Batches
from harness.training.checkpoint import (
    FORMAT,
    Checkpoint,
    random_state,
    read_checkpoint,
    set_random_state,
    write_checkpoint,
)
from harness.training.folder import Folder, Log
from harness.training.frames import Frames
from harness.training.interrupts import Interrupts
from harness.training.ledger import Ledger, finite, in_words
from harness.training.losses.objective import Objective
from harness.training.optimisation import Average, learning_rate, make_optimizer
from harness.training.recipe import Recipe
from harness.training.team import Team
from harness.training.trainable import Trainable, Units
from harness.training.validation import in_decibels, validate


class Watcher(Protocol):
    """Somebody who is told how it goes."""

    def said(self, words: str) -> None:
        """Something worth a line."""

    def reached(self, part: float, words: str) -> None:
        """So much of the budget is used up, 0 to 1; `words` are the latest losses."""


@dataclass
class History:
    """What a training record tells of the way. `losses` are means since the line of the log before."""

    losses: dict[str, float] = field(default_factory=dict)
    validation: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """One training.

    Args:
        trainable: the network.
        objective: what is minimised.
        batches: what it learns from.
        recipe: how.
        identity: what makes this training another than any other; plain values.
        folder: where checkpoint and log are; held by this process.
        device: where it runs.
        held_out: decoded clips for validation.
        team: the processes that train together.
        watcher: is told how it goes.
        tensorboard: whether TensorBoard gets the log, too.
    """

    def __init__(  # noqa: PLR0913
        self,
        trainable: Trainable,
        objective: Objective,
        batches: Batches,
        recipe: Recipe,
        *,
        identity: dict[str, Any],
        folder: Folder,
        device: torch.device,
        held_out: Sequence[Frames] = (),
        team: Team,
        watcher: Watcher,
        tensorboard: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trainable, self.objective, self.batches, self.recipe = trainable, objective, batches, recipe
        self.folder, self.device, self.held_out = folder, device, held_out
        self.team, self.watcher = team, watcher
        self.identity = identity
        self.iteration = 0
        self.history = History()
        self.seconds_kept = 0.0
        self._module = trainable.module.train()
        team.share([*self._module.state_dict().values()])
        if recipe.channels_last:
            self._module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._learning = [parameter for parameter in self._module.parameters() if parameter.requires_grad]
        self._units = Units(trainable, device)
        self._optimizer = make_optimizer(recipe, self._module)
        self.average = Average(self._module, decay=recipe.ema) if recipe.ema else None
        self._tensorboard = tensorboard
        self._clock = clock
        self._before = self._started = 0.0
        self._ledger = Ledger()

    @property
    def seconds(self) -> float:
        """How long it has trained, all runs together."""
        return self._before + self._clock() - self._started

    def run(self) -> None:
        """Train until the budget is used up, from the last checkpoint if there is one.

        Raises:
            KeyboardInterrupt: Ctrl-C; a checkpoint has been written.
            TrainingError: a loss or a weight is not a number, or disk or memory are too small.
            DataError: the checkpoint is another training's.
        """
        self._started = self._clock()
        self._resume()
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # crops have one size, or one for each rate
        self._started = self._clock()
        log = Log(self.folder, iteration=self.iteration, tensorboard=self._tensorboard) if self.team.leads else None
        try:
            with Interrupts() as interrupts:
                self._loop(interrupts, log)
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"The memory of {self.device} is too small for a step.",
                found=str(error).splitlines()[0],
                todo="raise recipe.accumulate (the same result in more parts), or lower recipe.batch or recipe.crop",
            ) from error
        finally:
            self.batches.close()
            if log is not None:
                log.close()

    def _loop(self, interrupts: Interrupts, log: Log | None) -> None:
        first = self.iteration
        while True:
            seconds, stop = self.team.agree(self.seconds, float(interrupts.asked))
            if stop:
                self._save(log)
                raise KeyboardInterrupt
            if self._used(seconds) >= 1:
                break
            self._step(seconds)
            self.iteration += 1
            last = self.iteration == self.recipe.iterations
            if last or self.iteration % self.recipe.log_every == 0:
                self._read(log)
            if not last and self.recipe.validate_every and self.iteration % self.recipe.validate_every == 0:
                self._validate(log)  # before the checkpoint, which keeps the score
            if not last and self.iteration % self.recipe.checkpoint_every == 0:
                self._save(log)
        if self.iteration > first:
            self._read(log)
            self._validate(log)
            self._save(log)

    def _used(self, seconds: float) -> float:
        """How much of the budget is used up, 0 to 1."""
        limit = self.recipe.max_seconds
        return min(1.0, max(self.iteration / self.recipe.iterations, seconds / limit if limit else 0.0))

    def _step(self, seconds: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, iteration=self.iteration, progress=self._used(seconds))
        self._optimizer.zero_grad(set_to_none=True)
        rate = self.batches.rate(self.iteration)
        for truth in self.batches.get(self.iteration):
            share = len(truth.hr) / self.recipe.batch
            with compute(self.device, self.recipe.precision):
                prediction = self.trainable.predict(truth.lr[:, ::rate], rate=rate)
            losses = self.objective(prediction, truth, self._units)
            (losses.total * share).backward()
            self._ledger.add(losses, share=share)
        self._ledger.rates[rate] += 1
        self.team.sum_gradients(self._learning)
        if self.recipe.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._learning, self.recipe.clip_norm)
        self._optimizer.step()
        if self.average is not None:
            self.average.update(self.iteration)

    def _read(self, log: Log | None) -> None:
        """Fetch the mean losses since the last time, and log them."""
        rates = {str(rate): count for rate, count in sorted(self._ledger.rates.items())}  # how many steps of each
        losses = self._ledger.read(self.team)
        if not losses:
            return
        seconds, sound = self.seconds, finite(losses)
        if log is not None:
            lr = self._optimizer.param_groups[0]["lr"]
            shown = losses if sound else {name: str(value) for name, value in losses.items()}
            weights = {name: self.objective.weight(name) for name in losses if name != "total"}
            told = {"lr": lr, "rates": rates, "losses": shown, "weights": weights}
            log.write("losses", self.iteration, seconds=seconds, **told)
        if not sound:
            raise self._lost(in_words(losses))
        self.history.losses = losses
        self.watcher.reached(self._used(seconds), f"iteration {self.iteration}: {in_words(losses)}")

    def _validate(self, log: Log | None) -> None:
        done = self.history.validation and self.history.validation[-1]["iteration"] == self.iteration
        if log is None or not self.held_out or done:
            return
        scores = self.score()
        self.watcher.said(f"iteration {self.iteration}: {in_decibels(scores)} on held-out clips")
        log.write("validation", self.iteration, seconds=self.seconds, **scores)

    def score(self) -> dict[str, float]:
        """PSNR-Y in dB on the held-out clips, with averaged weights where there are some; kept in the history."""
        with self.average.applied() if self.average is not None else nullcontext():
            scores = validate(self.trainable, self.held_out, self.recipe, units=self._units, device=self.device)
        self.history.validation.append({"iteration": self.iteration, **scores})
        return scores

    def state(self) -> dict[str, Tensor]:
        """What is exported: the averaged weights where there are some, else the weights."""
        return self.average.state if self.average is not None else self._module.state_dict()

    def _save(self, log: Log | None) -> None:
        self._read(log)
        norms = torch.stack(torch._foreach_norm([parameter.detach() for parameter in self._learning]))
        if not bool(norms.isfinite().all()):
            raise self._lost("weights that are not finite")
        self.seconds_kept = self.seconds
        if not self.team.leads:
            return
        kept = Checkpoint(
            format=FORMAT,
            identity=self.identity,
            iteration=self.iteration,
            seconds=self.seconds_kept,
            model=self._module.state_dict(),
            optimizer=self._optimizer.state_dict(),
            average=self.average.state if self.average is not None else {},
            random=random_state(self.device),
            history={"losses": self.history.losses, "validation": self.history.validation},
        )
        write_checkpoint(kept, self.folder.checkpoint)

    def _resume(self) -> None:
        kept = read_checkpoint(self.folder.checkpoint, identity=self.identity)
        if kept is None:
            return
        self._module.load_state_dict(kept["model"])
        self._optimizer.load_state_dict(kept["optimizer"])
        if self.average is not None:
            self.average.load(kept["average"])
        set_random_state(kept["random"], self.device)
        self.iteration, self._before = kept["iteration"], kept["seconds"]
        self.seconds_kept = self._before
        self.history = History(**kept["history"])
        self.watcher.said(f"Continues at iteration {self.iteration} of {self.recipe.iterations}.")

    def _lost(self, found: str) -> TrainingError:
        kept = read_checkpoint(self.folder.checkpoint, identity=self.identity)
        last = "there is no checkpoint yet" if kept is None else f"the last good one is {self.folder.checkpoint}"
        at = "" if kept is None else f" (iteration {kept['iteration']})"
        return TrainingError(
            f"Training has diverged by iteration {self.iteration}; {last}{at}.",
            found=found,
            todo="train anew with a lower recipe.learning_rate, with recipe.warmup, or with recipe.clip_norm=1; "
            "the same command would go on from that checkpoint.",
        )
