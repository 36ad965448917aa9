"""Recipes: how long and how a network is trained, as TOML data. No torch.

A recipe is a file of `harness/training/recipes/` or one of your own (`--recipe my.toml`); every value can be set on
the command line (`--set recipe.batch=8`). Losses are no part of it: the method's card names those, so that all
variants train by the same recipe. The defaults are the paper's (Yue, Shi, Ding, 2022, Sec. IV-B).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.cards.base import Model
from harness.cards.library import merge, read_toml, validate
from harness.errors import CardError
from harness.names import suggest

FOLDER = Path(__file__).resolve().parent / "recipes"

WATCHING = frozenset({"summary", "fine_tuning", "log_every", "checkpoint_every", "validate_every", "memory_gib"})
"""Values that change no weight: a run may be continued with others."""

LATER = ("transpose", "restart_every", "restart_factor", "only")
"""Values that recipes have got since: they count where they are set, so that keys of before stay what they were."""


class Recipe(Model):
    """How a network is trained. Where 0 is allowed it means: not at all, or no limit."""

    summary: str = ""
    fine_tuning: bool = Field(default=False, description="refuse to start without weights (--init)")

    iterations: int = Field(default=500_000, ge=1, description="steps of the optimizer")
    max_seconds: float = Field(default=0, ge=0, description="wall clock after which training ends; 0: no limit")
    batch: int = Field(default=30, ge=1, description="crops per step, over all processes")
    accumulate: int = Field(default=1, ge=1, description="parts in which a step's crops go through the network")
    precision: Literal["fp32", "bf16"] = Field(default="fp32", description="of the network; losses stay in fp32")
    channels_last: bool = Field(default=False, description="memory format of the network")

    crop: int = Field(default=32, ge=1, description="side of the crops, LR pixels")
    input_frames: int = Field(default=4, ge=1, description="LR frames that the network is given")
    rate: int = Field(default=2, ge=1, description="temporal factor: 2 = one frame between two")
    rates: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), description="each step draws its rate among these, for crops as long as at `rate`; (): that one"
    )
    reverse_time: bool = Field(default=False, description="half of the crops are played backwards")
    transpose: bool = Field(default=False, description="half of the crops have rows and columns exchanged")

    optimizer: Literal["adam", "adamax"] = "adam"
    learning_rate: float = Field(default=1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: Literal["steps", "cosine"] = Field(default="steps", description="how the learning rate falls")
    step_every: int = Field(default=100_000, ge=1, description="steps: iterations between two falls")
    step_factor: float = Field(default=0.25, gt=0, le=1, description="steps: what each fall leaves")
    cosine_end: float = Field(default=0.001, ge=0, le=1, description="cosine: what is left in the end")
    restart_every: int = Field(default=0, ge=0, description="cosine: iterations of each; 0: one, over the budget")
    restart_factor: float = Field(
        default=1, gt=0, le=1, description="cosine: of learning_rate, where all but the first begin"
    )
    warmup: int = Field(default=0, ge=0, description="iterations in which the learning rate rises from zero")
    only: str = Field(default="", description="only parameters with this in their names learn; empty: all")
    clip_norm: float = Field(default=0, ge=0, description="longest gradient; 0: as it is")
    ema: float = Field(
        default=0, ge=0, lt=1, description="decay of the averaged weights, which are exported; 0: none"
    )

    log_every: int = Field(default=100, ge=1, description="iterations between two lines of the log")
    checkpoint_every: int = Field(default=1_000, ge=1, description="iterations between two checkpoints")
    validate_every: int = Field(default=5_000, ge=0, description="iterations between two validations; 0: none")
    validation_clips: int = Field(default=4, ge=0, description="clips that are held out")
    validation_crop: int = Field(default=0, ge=0, description="side of their centre, LR pixels; 0: whole frames")
    demo_clips: int = Field(default=48, ge=2, description="procedural clips of --data demo")
    memory_gib: float = Field(default=8, ge=0, description="decoded frames are kept in memory up to this size")

    @property
    def frames(self) -> int:
        """T, the frames of a crop, at `rate`."""
        return (self.input_frames - 1) * self.rate + 1

    @property
    def each_rate(self) -> tuple[int, ...]:
        """The rates among which a step draws its own; one that is there twice is drawn twice as often."""
        return self.rates or (self.rate,)

    def frames_at(self, rate: int) -> int:
        """The frames that a crop keeps at a rate: as many as fit, with a given one at both ends.

        >>> [Recipe().frames_at(rate) for rate in (2, 3, 4, 6)]
        [7, 7, 5, 7]
        """
        return (self.frames - 1) // rate * rate + 1

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.accumulate > self.batch:
            raise ValueError("accumulate cannot be larger than batch")
        for rate in self.each_rate:
            if rate > max(1, self.frames - 1):
                raise ValueError(f"rate {rate} needs two given frames, and a crop has {self.frames} frames")
        return self

    def decisive(self) -> dict[str, object]:
        """What of the recipe decides the weights."""
        unset = {name for name in LATER if getattr(self, name) == type(self).model_fields[name].default}
        return self.model_dump(mode="json", exclude={*WATCHING, *unset})


def recipes() -> dict[str, Path]:
    """The recipes that are shipped, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def load_recipe(name: str, changes: Mapping[str, object] | None = None) -> Recipe:
    """A recipe by name, or a TOML file of your own, with changes laid on it. Raises CardError."""
    known = recipes()
    path = known.get(name, Path(name))
    if name not in known and path.suffix != ".toml":
        raise CardError(f"Unknown recipe '{name}'.", todo=suggest(name, known) + " A file of your own ends in .toml.")
    recipe = read_toml(path)
    validate(Recipe, recipe, origin=str(path))  # a mistake in the file is told of the file
    return validate(Recipe, merge(recipe, changes or {}), origin=f"--set on the recipe '{name}'")


def split_assignments(assignments: Iterable[str]) -> tuple[list[str], list[str]]:
    """What of `--set` changes the card, and what the recipe (without its prefix)."""
    prefix = "recipe."
    texts = [text.strip() for text in assignments]
    of_recipe = [text.removeprefix(prefix) for text in texts if text.startswith(prefix)]
    return [text for text in texts if not text.startswith(prefix)], of_recipe
