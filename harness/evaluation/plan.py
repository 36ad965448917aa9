"""From the command line to cells: every method on every benchmark, resolved before any time is spent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from harness.cards.dataset import Manifest
from harness.cards.library import CardLibrary, compose_plugin
from harness.cards.method import MethodCard
from harness.cards.overrides import Overrides
from harness.cards.protocol import ProtocolCard
from harness.cards.tasks import SPACE_TIME, Task
from harness.clips.benchmark import Benchmark, open_benchmark
from harness.errors import UsageError
from harness.evaluation.precision import Precision, device_title
from harness.evaluation.scoring import Scorer
from harness.ops.choice import choose_operators
from harness.records.schema import RunHeader
from harness.records.store import content_key, keyed
from harness.upscalers.build import BuiltUpscaler, build_upscaler
from harness.upscalers.registry import networks
from harness.upscalers.trained import with_weights


@dataclass(frozen=True)
class Request:
    """What one `harness run` asks for."""

    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    task: Task = SPACE_TIME
    rate: int = 2
    protocol: str | None = None
    metrics: tuple[str, ...] = ()
    overrides: Overrides = field(default_factory=Overrides)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "fp32"
    data_root: Path = Path("data")
    weights_folder: Path | None = None
    weights: Path | None = None
    lpips_weights: Path | None = None
    untrained: bool = False


@dataclass(frozen=True)
class Cell:
    """One method on one benchmark, ready to run."""

    method: MethodCard
    built: BuiltUpscaler
    benchmark: Benchmark
    protocol: ProtocolCard
    scorer: Scorer
    header: RunHeader


def plan(request: Request, library: CardLibrary) -> tuple[Cell, ...]:
    """All cells of a request, methods within datasets. Raises HarnessError for the first thing that cannot be."""
    for kind, names in (("--method", request.methods), ("--dataset", request.datasets)):
        if not names:
            raise UsageError(
                f"{kind} is wanted at least once.", todo=f"`harness list {kind[2:]}s` shows what there is."
            )
    if request.weights is not None and len(set(request.methods)) > 1:
        raise UsageError("--weights is for one method.", found=f"--method {' --method '.join(request.methods)}")
    choose_operators(request.overrides.ops)
    benchmarks = [_open(name, request, library) for name in dict.fromkeys(request.datasets)]
    scales = {benchmark.card.scale for benchmark in benchmarks}
    built = {
        (name, scale): _build(name, scale, request, library)
        for name in dict.fromkeys(request.methods)
        for scale in sorted(scales)
    }
    return tuple(
        _cell(name, *built[name, benchmark.card.scale], benchmark, request, library)
        for benchmark in benchmarks
        for name in dict.fromkeys(request.methods)
    )


def method_card(reference: str, library: CardLibrary, overrides: Overrides) -> tuple[MethodCard, str | None]:
    """`NAME` or `NAME@WEIGHTS` as card and weights tag. A plug-in's network is a method without a card."""
    name, _, tag = reference.partition("@")
    if name in networks() and name not in library.names(MethodCard):
        card = compose_plugin(name)
    else:
        card = library.method(name)
    return overrides.apply(card), tag or None


def _build(name: str, scale: int, request: Request, library: CardLibrary) -> tuple[MethodCard, BuiltUpscaler]:
    card, tag = method_card(name, library, request.overrides)
    folder = request.weights_folder
    if request.weights is not None:
        card, tag = with_weights(card, request.weights)
        folder = request.weights.parent
    built = build_upscaler(
        card,
        library,
        scale=scale,
        device=request.device,
        folder=folder,
        tag=tag,
        rate=request.rate,
        untrained=request.untrained,
    )
    return card, built


def _open(name: str, request: Request, library: CardLibrary) -> Benchmark:
    card = library.dataset(name)
    if request.task.scale is not None:
        card = card.model_copy(update={"scale": request.task.scale})
    card = request.overrides.apply(card)
    return open_benchmark(card, library.manifest(card), data_root=request.data_root)


def _cell(
    reference: str,
    card: MethodCard,
    built: BuiltUpscaler,
    benchmark: Benchmark,
    request: Request,
    library: CardLibrary,
) -> Cell:
    dataset = benchmark.card
    protocol = request.overrides.apply(
        library.protocol(request.protocol or request.task.protocol or dataset.protocol)
    )
    names: Sequence[str] = request.metrics or protocol.metrics
    scorer = Scorer.build(names, border=protocol.border, lpips_weights=request.lpips_weights)
    input_frames = built.input_frames or protocol.windows.inputs_at(request.rate)
    signature = protocol.signature(rate=request.rate, scale=dataset.scale, input_frames=input_frames)
    header = RunHeader(
        key="",
        method=reference,
        method_title=card.title,
        method_card=card.decisive(),
        network_versions=built.network_versions,
        weights=built.weights,
        untrained=built.untrained,
        dataset=dataset.name,
        dataset_title=dataset.title,
        dataset_card=dataset.model_dump(mode="json", include={"layout", "scale", "source_scale", "speed"}),
        manifest_sha256=_data_identity(benchmark, library.manifest(dataset)),
        clips=benchmark.expected,
        rate=request.rate,
        scale=dataset.scale,
        protocol=protocol.name,
        average=protocol.average,
        input_frames=input_frames,
        signature=f"{signature}|{scorer.signature}",
        metrics=tuple(names),
        precision=request.precision,
        device=device_title(request.device),
    )
    return Cell(card, built, benchmark, protocol, scorer, keyed(header))


def _data_identity(benchmark: Benchmark, manifest: Manifest) -> str:
    """The manifest's hash; for data without one, the hash of what lies there."""
    if manifest != Manifest():
        return content_key(manifest.model_dump(mode="json"))
    return content_key({clip.name: clip.source_fingerprint() for clip in benchmark.clips})
