"""The method card: what is compared. Architecture, variant and weights stay three things.

A card names one `network` that does space and time at once, or two stages (`interpolation`, then
`super_resolution`), never both. Options are plain values here; the network's own option model types them
(harness.upscalers.registry), so that this room knows no torch. The `options` of a two-stage method are those
of the composition (window, order); each stage has its own besides.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from harness.cards.base import Card, Citation, Model, Name, RelativePath

OptionValue = bool | int | float | str
Family = Literal["baseline", "two-stage", "one-stage", "ablation", "interpolator", "super-resolver"]
"""The first four do space and time; the last two are the stages of two-stage methods, with their weights."""

StageRole = Literal["interpolator", "super-resolver"]

Table = Literal["I", "II", "III", "IV", "V", "VI"]

Degradation = Literal["bicubic", "gaussian-blur"]
"""How LR frames are made of HR ones: MATLAB's bicubic kernel, or a Gaussian blur and then every fourth pixel."""


class WeightsFile(Model):
    """One released or trained set of weights. The tag in `[weights.TAG]` names it: `stinet@authors`."""

    file: RelativePath = Field(description="file name under the weights folder (HARNESS_WEIGHTS)")
    source: str = Field(description="where the user gets it: a URL, or words")
    licence: str = Field(description="licence of the weights as their authors state it")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    git_blob: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    key_map: str | None = Field(default=None, description="name of the key table for a foreign checkpoint")
    rates: tuple[int, ...] = Field(default=(), description="temporal factors that it was trained for; empty: any")
    degradation: Degradation = Field(default="bicubic", description="LR frames that it was trained on")

    def serves(self, rate: int | None) -> bool:
        """Whether it was trained for a rate; None asks for none."""
        return rate is None or not self.rates or rate in self.rates


class Training(Model):
    """How weights were made, where `harness train` has made them; taken from the record inside their file."""

    key: str = Field(description="of the training: another one for another card, recipe, seed or data")
    setting: str = Field(default="", description="of recipe, data and first weights: equal in a fair comparison")
    data: str = Field(description="name of what was learned from")
    iterations: int
    batch: int
    crop: int = Field(description="side of the crops, LR pixels")
    max_seconds: float = Field(default=0, description="the wall clock as budget; 0: iterations alone")
    fine_tuned: bool = Field(default=False, description="started from other weights")
    seed: int
    options: dict[str, OptionValue] = Field(default={}, description="losses and initialisation, as in `[training]`")

    @property
    def budget(self) -> str:
        """What it cost, in a few words: `6000 iterations of 16 crops (32x32) from davis270`."""
        limit = f" in {self.max_seconds:g} s" if self.max_seconds else ""
        start = ", fine-tuned" if self.fine_tuned else ""
        crops = f"{self.batch} crops ({self.crop}x{self.crop})"
        return f"{self.iterations} iterations{limit} of {crops} from {self.data}{start}"


class LoadedWeights(Model):
    """Which bytes were loaded, and how they were made where their file says so."""

    tag: str
    file: str
    sha256: str
    training: Training | None = None
    degradation: Degradation = "bicubic"


class Stage(Model):
    """One half of a two-stage method: an interpolator or a super-resolver."""

    network: Name
    options: dict[str, OptionValue] = {}
    weights: dict[str, WeightsFile] = {}


class PaperRow(Model):
    """The row of the STINet paper's tables that this card stands for."""

    table: Table
    row: int = Field(ge=1)
    rate: int = Field(default=2, ge=1)


class MethodCard(Card):
    """A row of a table: network(s), options, weights, training recipe and where it comes from."""

    family: Family
    network: Name | None = None
    interpolation: Stage | None = None
    super_resolution: Stage | None = None
    options: dict[str, OptionValue] = {}
    weights: dict[str, WeightsFile] = {}
    recipe: Name | None = Field(default=None, description="training recipe, for methods that can be trained")
    training: dict[str, OptionValue] = Field(
        default={}, description="losses and initialisation: what changes the weights, but no layer"
    )
    citation: tuple[Citation, ...] = ()
    licence: str = Field(default="", description="licence of the authors' code, as they state it")
    rows: tuple[PaperRow, ...] = ()

    @model_validator(mode="after")
    def _one_network_or_two_stages(self) -> Self:
        staged = self.interpolation is not None and self.super_resolution is not None
        half = (self.interpolation is None) != (self.super_resolution is None)
        if half or staged == (self.network is not None):
            raise ValueError(
                "name either one `network`, or both `[interpolation]` and `[super_resolution]` with a network each"
            )
        return self

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks that the method needs, in the order they run."""
        if self.network is not None:
            return (self.network,)
        stages = (self.interpolation, self.super_resolution)
        return tuple(stage.network for stage in stages if stage is not None)

    def decisive(self) -> dict[str, object]:
        """What of the card decides numbers: networks and options, shaped as in the card; no prose, no defaults.

        Prose may be mended without making finished runs strangers.
        """
        parts = {"": self, "interpolation": self.interpolation, "super_resolution": self.super_resolution}
        decisive: dict[str, object] = {}
        for name, part in parts.items():
            if part is not None:
                content = {"network": part.network, "options": dict(part.options)}
                kept = {key: value for key, value in content.items() if value}
                decisive |= {name: kept} if name else kept
        return decisive
