"""From the command line to trained weights: everything is resolved and checked before time is spent."""

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from harness.cards.library import CardLibrary
from harness.cards.method import MethodCard
from harness.cards.overrides import Overrides
from harness.errors import UsageError
from harness.evaluation.machine import environment
from harness.evaluation.plan import method_card
from harness.evaluation.precision import device_title
from harness.networks.state import sha256_of
from harness.records.store import content_key
from harness.training.batches import Batches
from harness.training.export import export, write_whole
from harness.training.folder import Folder
from harness.training.frames import FileStore, FrameStore, MemoryStore, extent, gibibytes
from harness.training.loop import Trainer, Watcher
from harness.training.losses.objective import Objective
from harness.training.options import TrainingOptions, training_options
from harness.training.recipe import Recipe, load_recipe
from harness.training.sampling import Sampler
from harness.training.sources import Source, SourceClip, open_source
from harness.training.start import start
from harness.training.team import Team, local_device
from harness.training.trainable import Trainable, check_recipe, trainable_of
from harness.upscalers.build import build_trainee

RECORD_VERSION = 1

SETTING = ("recipe", "data", "initial")
"""What trainings must have in common for a fair comparison of their methods."""


@dataclass(frozen=True)
class TrainRequest:
    """What one `harness train` asks for.

    Args:
        method: name of a card.
        data: `demo`, or a folder; see `sources`.
        recipe: name or file; None: the card's.
        overrides: of the method card.
        recipe_changes: of the recipe.
        device: where it runs.
        seed: of the first weights and of the crops.
        out: folder; None: one below `results`, named by what is trained.
        results: the results folder.
        initial: weights to start from; what the file lacks starts as ever.
        vgg: VGG-19's weights.
        half: export fp16.
        tensorboard: write its log, too.
    """

    method: str
    data: str
    recipe: str | None = None
    overrides: Overrides = field(default_factory=Overrides)
    recipe_changes: Mapping[str, object] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    seed: int = 0
    out: Path | None = None
    results: Path = Path("results")
    initial: Path | None = None
    vgg: Path | None = None
    half: bool = False
    tensorboard: bool = False


@dataclass(frozen=True)
class Plan:
    """A training, resolved.

    Args:
        card: the method, overrides applied.
        options: its `[training]`.
        recipe: how.
        source: on what.
        trainable: the network, on its device.
        objective: what is minimised.
        identity: what makes it another training than any other.
        names: of method, data and recipe.
        folder: where it is kept.
        device: where it runs.
        notes: what the user should know.
    """

    card: MethodCard
    options: TrainingOptions
    recipe: Recipe
    source: Source
    trainable: Trainable
    objective: Objective
    identity: dict[str, Any]
    names: tuple[str, str, str]
    folder: Path
    device: torch.device
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Args:
        folder: checkpoint, log, weights and record.
        weights: the exported file.
        record: the training record.
    """

    folder: Path
    weights: Path
    record: Mapping[str, object]


def plan_training(
    request: TrainRequest, library: CardLibrary, *, open_data: Callable[..., Source] = open_source
) -> Plan:
    """Resolve and check everything but the pixels. Raises HarnessError for the first thing that cannot be.

    Args:
        request: what is asked for.
        library: where cards are found.
        open_data: opens `--data`; whoever plans many trainings passes one that remembers.
    """
    card, _ = method_card(request.method, library, request.overrides)
    name = request.recipe or card.recipe
    if name is None:
        raise no_recipe(card.name)
    recipe, options = load_recipe(name, request.recipe_changes), training_options(card)
    device = local_device(request.device)
    objective = Objective(options, device=device, vgg=request.vgg)
    source = open_data(request.data, held_out=recipe.validation_clips, demo_clips=recipe.demo_clips)
    built = build_trainee(card, library, device=device, seed=request.seed)
    trainable = trainable_of(built.network, options, method=card.name)
    check_recipe(built.network, options, recipe, method=card.name)
    notes = start(trainable, request.initial, card=card, recipe=recipe, device=device)
    if source.missing:
        notes += (f"{source.missing} clips of the list are not there; the others are learned from.",)
    identity = {
        "method": card.decisive(),
        "networks": built.network_versions,
        "training": options.model_dump(mode="json"),
        "recipe": recipe.decisive(),
        "data": {"sha256": source.hash, "held_out": [clip.name for clip in source.held_out]},
        "seed": request.seed,
        "initial": sha256_of(request.initial) if request.initial else "",
        "vgg": "",  # named also where it does not count: keys stay what they were
        **objective.weights,
    }
    names = (card.name, source.name, Path(name).stem)
    folder = request.out or own_folder(request.results, names, identity)
    return Plan(card, options, recipe, source, trainable, objective, identity, names, folder, device, notes)


def no_recipe(method: str) -> UsageError:
    """What to say where neither the command line nor the card names a recipe."""
    return UsageError(f"The card of '{method}' names no recipe.", todo="pass --recipe, e.g. --recipe minutes")


def own_folder(results: Path, names: tuple[str, str, str], identity: Mapping[str, Any]) -> Path:
    """Where a training lies that was given no folder. `names`: of method, data and recipe."""
    return results / "training" / "--".join((*names, content_key(identity)[:8]))


def setting_of(identity: Mapping[str, Any]) -> str:
    """What a training has in common with those that it may be compared with, as one hash."""
    return content_key({name: identity[name] for name in SETTING})


def train(request: TrainRequest, plan: Plan, watcher: Watcher) -> Trained:
    """Train, or go on training, and export. For what it raises, see `Trainer.run`."""
    team = Team.join(plan.device)
    try:
        folder = Folder(plan.folder)
        with folder if team.leads else nullcontext():
            trainer = _trainer(request, plan, folder, team, watcher)
            trainer.run()
            record = training_record(request, plan, trainer)
            if team.leads:
                card = plan.card.model_dump(mode="json")
                export(trainer.state(), folder.weights, card=card, record=record, half=request.half)
                write_whole(folder.record, (json.dumps(record, indent=1) + "\n").encode())
            team.wait()
        return Trained(plan.folder, folder.weights, record)
    finally:
        team.leave()


def training_record(request: TrainRequest, plan: Plan, trainer: Trainer) -> dict[str, object]:
    """What was trained on what, how far, where, and how well; plain values."""
    return {
        "version": RECORD_VERSION,
        "method": request.method,
        "key": content_key(plan.identity),
        "setting": setting_of(plan.identity),
        "training": plan.options.model_dump(mode="json"),
        "recipe": plan.recipe.model_dump(mode="json"),
        "data": plan.source.describe(),
        "seed": request.seed,
        "initial": plan.identity["initial"],
        "vgg": "",
        **plan.objective.weights,
        "iterations": trainer.iteration,
        "seconds": round(trainer.seconds_kept, 3),
        "processes": trainer.team.size,
        "device": device_title(plan.device),
        "losses": trainer.history.losses,
        "validation": trainer.history.validation,
        "environment": environment(),
        "notes": list(plan.notes),
    }


def _trainer(request: TrainRequest, plan: Plan, folder: Folder, team: Team, watcher: Watcher) -> Trainer:
    scale, recipe, source = plan.trainable.scale, plan.recipe, plan.source
    sampler = Sampler(
        [extent(clip, scale=scale) for clip in source.clips],
        [clip.name for clip in source.clips],
        frames=recipe.frames,
        crop=recipe.crop,
        seed=request.seed,
        reverse_time=recipe.reverse_time,
        transpose=recipe.transpose,
    )
    store = _store(source.clips, recipe, scale=scale, device=plan.device, watcher=watcher)
    held_out = MemoryStore(source.held_out, scale=scale, device=torch.device("cpu")) if team.leads else None
    batches = Batches(store, sampler, recipe, device=plan.device, rank=team.rank, processes=team.size)
    torch.manual_seed(request.seed + team.rank)
    return Trainer(
        plan.trainable,
        plan.objective,
        batches,
        recipe,
        identity=plan.identity,
        folder=folder,
        device=plan.device,
        held_out=held_out.clips if held_out is not None else (),
        team=team,
        watcher=watcher,
        tensorboard=request.tensorboard,
    )


def _store(
    clips: tuple[SourceClip, ...], recipe: Recipe, *, scale: int, device: torch.device, watcher: Watcher
) -> FrameStore:
    size = gibibytes(clips, scale=scale)
    if size > recipe.memory_gib:
        watcher.said(f"{len(clips)} clips ({size:.1f} GiB) are read from disk while training.")
        return FileStore(clips, scale=scale)
    watcher.said(f"Reads {len(clips)} clips into memory ({size:.1f} GiB).")
    return MemoryStore(clips, scale=scale, device=device)
