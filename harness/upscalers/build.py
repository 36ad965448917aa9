"""From a card to an upscaler that runs: the only place that puts the parts together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from harness.cards.library import CardLibrary
from harness.cards.method import LoadedWeights, MethodCard, OptionValue, Stage, WeightsFile
from harness.cards.weights import weights_folder
from harness.errors import UsageError
from harness.names import suggest
from harness.ops.choice import operator_versions
from harness.upscalers.base import Interpolator, SuperResolver, Upscaler
from harness.upscalers.options import TwoStageOptions
from harness.upscalers.readiness import how_to_train
from harness.upscalers.registry import Kind, find_network, load_target, typed_options, validate_options
from harness.upscalers.two_stage import GivenFrames, SameSize, TwoStage
from harness.upscalers.weights import load_weights


@dataclass(frozen=True)
class BuiltUpscaler:
    """An upscaler on its device, and what its numbers depend on."""

    upscaler: Upscaler
    input_frames: int | None
    network_versions: dict[str, str]
    weights: tuple[LoadedWeights, ...]
    untrained: bool
    device: torch.device


@dataclass(frozen=True)
class BuiltTrainee:
    """A network on its device that has learned nothing yet, and what its numbers will depend on."""

    network: torch.nn.Module
    network_versions: dict[str, str]


@dataclass
class _Builder:
    card: MethodCard
    library: CardLibrary
    scale: int
    folder: Path
    untrained_allowed: bool
    tag: str | None
    rate: int | None
    versions: dict[str, str] = field(default_factory=dict)
    weights: list[LoadedWeights] = field(default_factory=list)
    untrained: bool = False
    tags_seen: set[str] = field(default_factory=set)

    def network(
        self, name: str, kind: Kind, options: dict[str, OptionValue], files: Mapping[str, WeightsFile]
    ) -> torch.nn.Module:
        entry = find_network(name)
        if entry.kind != kind:
            todo = {
                "interpolator": f"as --method {name}+bicubic, or by itself: --task interpolation",
                "super-resolver": f"as --method blend+{name}, or by itself: --task super-resolution",
                "space-time": f"by itself: --method {name}",
            }[entry.kind]
            raise UsageError(
                f"'{name}' cannot be used as {kind}.", found=f"it is {entry.kind}", todo=f"use it {todo}"
            )
        cls, typed = load_target(entry.target), typed_options(name, options)
        built: torch.nn.Module = cls(typed) if kind == "interpolator" else cls(typed, scale=self.scale)
        self.versions[name] = entry.version
        if isinstance(built, Upscaler | Interpolator | SuperResolver):
            self.versions |= built.component_versions
        if isinstance(built, Upscaler | Interpolator) and self.rate is not None:
            built.check_rate(self.rate)
        # What has parameters needs weights, whatever its entry says: random ones must never be scored as a method.
        if entry.learned or next(built.parameters(), None) is not None:
            self._load(name, built, files)
        return built

    def _load(self, name: str, module: torch.nn.Module, files: Mapping[str, WeightsFile]) -> None:
        if self.untrained_allowed:
            self.untrained = True
            return
        if not files:
            raise UsageError(
                f"'{name}' needs weights.",
                found="its card names none",
                todo=f"{how_to_train(name, self.card, self.library)}\n"
                "      Then name the file under [weights.TAG] of a card, see docs/training.md.\n"
                "      Or use --untrained, for timing; its scores are never shown in a table.",
            )
        self.tags_seen.update(files)
        # One tag serves both stages of a method: the stage that does not know it takes its default.
        tag = self.tag if self.tag is not None and self.tag in files else default_tag(files, self.rate)
        if not files[tag].serves(self.rate):
            others = [f"{self.card.name}@{other}" for other, file in files.items() if file.serves(self.rate)]
            raise UsageError(
                f"The weights '{tag}' of '{name}' were trained for rate {' or '.join(map(str, files[tag].rates))}.",
                found=f"rate {self.rate}",
                todo=f"use {' or '.join(others) or 'weights for this rate; the card names none'}",
            )
        method = name if self.card.network is None else self.card.name  # a stage has a card of its own
        target = trained_module(module)
        self.weights.append(load_weights(target, tag, files[tag], folder=self.folder, method=method))


def build_upscaler(  # noqa: PLR0913 - what a command line can say of one method
    card: MethodCard,
    library: CardLibrary,
    *,
    scale: int = 4,
    device: torch.device | str = "cpu",
    folder: Path | None = None,
    tag: str | None = None,
    rate: int | None = None,
    untrained: bool = False,
    seed: int = 0,
) -> BuiltUpscaler:
    """Build the method of a resolved card.

    Args:
        card: the resolved method card, overrides applied.
        library: where the stages' own cards (with their weights) are found.
        scale: spatial factor.
        device: where it runs.
        folder: the weights folder; default HARNESS_WEIGHTS, else ./weights.
        tag: which weights of the card; default the first that it names, for the rate if it says so.
        rate: temporal factor at which it will run; None: not known.
        untrained: leave learned networks at their seeded initialisation.
        seed: of that initialisation.

    Raises:
        UsageError: unknown network, or a network used as what it is not, or no weights, or none for this rate.
        CardError: an option that the network does not have.
        DataError: weights that are missing, other bytes, or of other shapes.
    """
    torch.manual_seed(seed)  # untrained networks are the same on every run
    parts = _Builder(card, library, scale, weights_folder(folder), untrained, tag, rate)
    if card.interpolation is not None and card.super_resolution is not None:
        upscaler: object = _two_stage(card, card.interpolation, card.super_resolution, parts)
    else:
        upscaler = _one_network(card, parts)
    if tag is not None and not untrained and tag not in parts.tags_seen:
        raise UsageError(f"'{card.name}' has no weights '{tag}'.", todo=suggest(tag, parts.tags_seen))
    if not isinstance(upscaler, Upscaler):
        raise UsageError(f"The network of '{card.name}' should be an Upscaler.", found=type(upscaler).__name__)
    return BuiltUpscaler(
        upscaler=upscaler.to(device).eval(),
        input_frames=upscaler.options.window,
        network_versions=parts.versions | operator_versions(),
        weights=tuple(parts.weights),
        untrained=parts.untrained,
        device=torch.device(device),
    )


def build_trainee(
    card: MethodCard, library: CardLibrary, *, scale: int = 4, device: torch.device | str = "cpu", seed: int = 0
) -> BuiltTrainee:
    """Build what a resolved card would train: its upscaler, or the stage that it names; see `build_upscaler`."""
    kind = "space-time" if card.network is None else find_network(card.network).kind
    if card.network is None or kind == "space-time":
        built = build_upscaler(card, library, scale=scale, device=device, untrained=True, seed=seed)
        return BuiltTrainee(built.upscaler, built.network_versions)
    torch.manual_seed(seed)
    parts = _Builder(card, library, scale, weights_folder(), untrained_allowed=True, tag=None, rate=None)
    stage = parts.network(card.network, kind, card.options, {})
    return BuiltTrainee(stage.to(device).eval(), parts.versions | operator_versions())


def trained_module(module: torch.nn.Module) -> torch.nn.Module:
    """The module whose state a file of weights holds."""
    return module.trained if isinstance(module, Upscaler | Interpolator | SuperResolver) else module


def default_tag(files: Mapping[str, WeightsFile], rate: int | None) -> str:
    """The first weights that were trained for a rate; the first of all where none were."""
    return next((tag for tag, file in files.items() if file.serves(rate)), next(iter(files)))


def _one_network(card: MethodCard, parts: _Builder) -> torch.nn.Module:
    """A network of space and time; or a stage by itself, where the other one has nothing to do."""
    name = card.networks[0]
    kind = find_network(name).kind
    idle = {"interpolator": parts.scale == 1, "super-resolver": parts.rate == 1}
    network = parts.network(name, kind if idle.get(kind) else "space-time", card.options, card.weights)
    if isinstance(network, Interpolator):
        return TwoStage(network, SameSize(scale=parts.scale))
    return TwoStage(GivenFrames(), network) if isinstance(network, SuperResolver) else network


def _two_stage(card: MethodCard, first: Stage, second: Stage, parts: _Builder) -> TwoStage:
    for stage in (first, second):
        find_network(stage.network)  # a misspelt second name is told before the first one's weights are looked for
    options = validate_options(TwoStageOptions, card.options, owner=f"the two-stage method '{card.name}'")
    interpolator = parts.network(first.network, "interpolator", first.options, first.weights)
    super_resolver = parts.network(second.network, "super-resolver", second.options, second.weights)
    if not isinstance(interpolator, Interpolator) or not isinstance(super_resolver, SuperResolver):
        raise UsageError(f"The stages of '{card.name}' should be an Interpolator and a SuperResolver.")
    if not isinstance(options, TwoStageOptions):
        raise TypeError(type(options).__name__)
    return TwoStage(interpolator, super_resolver, options=options)
