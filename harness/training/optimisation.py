"""The optimizer, its learning rate, and the moving average of the weights.

Source: Sec. IV-B (Yue, Shi, Ding, 2022): Adam, 1e-4, divided by four every 1e5 iterations. The release takes Adamax,
and its learning rate never falls (its condition is true for no epoch).
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from harness.training.recipe import Recipe


def learning_rate(recipe: Recipe, *, iteration: int, progress: float) -> float:
    """The learning rate of an iteration.

    Args:
        recipe: the schedule.
        iteration: from 0.
        progress: how much of the budget, iterations or seconds, is used up: 0 to 1. Only the cosine asks.
    """
    if recipe.schedule == "steps":
        left = recipe.step_factor ** (iteration // recipe.step_every)
    else:
        left = _cosine(recipe, iteration, progress)
    rise = min(1.0, (iteration + 1) / recipe.warmup) if recipe.warmup else 1.0
    return recipe.learning_rate * left * rise


def _cosine(recipe: Recipe, iteration: int, progress: float) -> float:
    """What is left of the learning rate: one fall over the budget, or several, each from its own start."""
    start = 1.0
    if recipe.restart_every:
        count, since = divmod(iteration, recipe.restart_every)
        progress = since / recipe.restart_every
        start = recipe.restart_factor if count else 1.0
    return recipe.cosine_end + (start - recipe.cosine_end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def make_optimizer(recipe: Recipe, module: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of the parameters that learn."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if recipe.optimizer == "adamax":
        return torch.optim.Adamax(parameters, lr=recipe.learning_rate, betas=recipe.betas)
    return torch.optim.Adam(parameters, lr=recipe.learning_rate, betas=recipe.betas)


class Average:
    """An exponential moving average of a module's state, which starts fast: decay min(d, (1 + i) / (10 + i)).

    Args:
        module: whose state is averaged; what is no floating point is copied.
        decay: d.
    """

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        self._module = module
        self._decay = decay
        self.state = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, iteration: int) -> None:
        """Take in the weights after an iteration."""
        decay = min(self._decay, (1 + iteration) / (10 + iteration))
        now = self._module.state_dict()
        moving = [name for name, value in self.state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[name] for name in moving], [now[name] for name in moving], 1 - decay)
        for name in self.state.keys() - set(moving):
            self.state[name].copy_(now[name])

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a kept average."""
        for name, value in self.state.items():
            value.copy_(state[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the module has the averaged weights."""
        own = {name: value.detach().clone() for name, value in self._module.state_dict().items()}
        self._module.load_state_dict(self.state)
        try:
            yield
        finally:
            self._module.load_state_dict(own)
