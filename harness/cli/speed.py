"""`harness speed`: how long methods take, taking turns on the same machine."""

import json
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import Cards, Json, Plugin, Rate, Results, TaskName, results_folder
from harness.cli.distances import print_distances
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.cards import CardLibrary, Overrides
    from harness.cards.tasks import Task
    from harness.evaluation.speed import SpeedPlan, Subject
    from harness.records.speed import SpeedRecord, Spread

_HOW, _RECORDS = "How it is measured", "Records"


def speed(
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", metavar="NAME", help="A method; repeat it to get ratios to the first one."),
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of an HR frame. Default: Vid4's.")] = "720x576",
    task: TaskName = "space-time",
    rate: Rate = None,
    scale: Annotated[int | None, typer.Option(min=1, help="Spatial factor. Default: 4.")] = None,
    input_frames: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="Window. Default: the method's own, else the protocol tmnet's."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a method card: options.window=4; or an operator: ops.deform_conv=mmcv.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …", rich_help_panel=_HOW)] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, tf32, fp16 or bf16.", rich_help_panel=_HOW)] = "fp32",
    repeats: Annotated[int, typer.Option(min=1, help="Rounds that count.", rich_help_panel=_HOW)] = 10,
    warmup: Annotated[int, typer.Option(min=0, help="Rounds before that.", rich_help_panel=_HOW)] = 3,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the measurement below RESULTS/speed/.", rich_help_panel=_RECORDS)
    ] = False,
    show: Annotated[
        bool,
        typer.Option("--show", help="Measure nothing; show what is kept (of --method).", rich_help_panel=_RECORDS),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Time nothing; say how far each precision is from fp32.", rich_help_panel=_HOW),
    ] = False,
    across_machines: Annotated[
        bool,
        typer.Option("--across-machines", help="Show machines side by side all the same.", rich_help_panel=_RECORDS),
    ] = False,
    results: Results = None,
    cards: Cards = None,
    plugin: Plugin = None,
    json_: Json = False,
) -> None:
    """Time methods: milliseconds per HR frame, with and without flow and I/O. Needs no weights."""
    from harness.records.speed import save_speed

    folder = results_folder(results)
    if show:
        _print(_kept(folder, method or [], across_machines=across_machines), as_json=json_)
        return
    if not method:
        raise UsageError("harness speed wants a method.", todo="--method NAME, or --show for what is kept.")
    if check and save:
        raise UsageError("--check measures no time to --save.", todo="leave one out; a run keeps its own distance.")
    from harness.cards.tasks import find_task

    asked = find_task(task)
    plan = _plan(size, asked.rate_of(rate), device, precision, (repeats, warmup))
    build = _builder(cards or (), plugin or (), set_ or ())
    subjects = [build(name, plan, asked, scale=scale, input_frames=input_frames, trained=check) for name in method]
    if check:
        print_distances(subjects, plan, as_json=json_)
        return
    records = _measure(subjects, plan, quiet=json_)
    _print(records, as_json=json_)
    for record in records if save else ():
        typer.echo(f"record: {save_speed(record, folder)}", err=json_)


def _plan(size: str, rate: int, device: str, precision: str, rounds: tuple[int, int]) -> "SpeedPlan":
    from harness.evaluation.precision import check_precision, find_device
    from harness.evaluation.speed import SpeedPlan

    width, height = parse_size(size)
    return SpeedPlan(width, height, rate, find_device(device), check_precision(precision), *rounds)


def parse_size(text: str) -> tuple[int, int]:
    """`720x576` as (width, height). Raises UsageError."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError("--size wants WIDTHxHEIGHT of an HR frame.", found=text, todo="for example 720x576")
    return int(width), int(height)


def _builder(cards: "Sequence[Path]", plugins: "Sequence[Path]", assignments: Sequence[str]) -> partial["Subject"]:
    """`_subject` with the cards, plug-ins and overrides of the command line."""
    from harness.cards import CardLibrary, Overrides, card_folders
    from harness.ops.choice import choose_operators
    from harness.upscalers.registry import load_plugin

    for file in plugins:
        load_plugin(file)
    overrides = Overrides.parse(assignments)
    choose_operators(overrides.ops)
    return partial(_subject, CardLibrary(card_folders(cards)), overrides)


def _subject(
    library: "CardLibrary",
    overrides: "Overrides",
    reference: str,
    plan: "SpeedPlan",
    task: "Task",
    *,
    scale: int | None,
    input_frames: int | None,
    trained: bool,
) -> "Subject":
    from harness.evaluation.plan import method_card
    from harness.evaluation.speed import Subject
    from harness.upscalers.build import build_upscaler
    from harness.upscalers.readiness import readiness

    card, tag = method_card(reference, library, overrides)
    # Time does not depend on weights; the noise of a precision does, so that a check takes them where they are.
    untrained = not (trained and readiness(card, library).status == "ready")
    tag = None if untrained else tag
    built = build_upscaler(
        card,
        library,
        scale=scale or task.scale or 4,
        device=plan.device,
        tag=tag,
        rate=plan.rate,
        untrained=untrained,
    )
    rules = library.protocol(task.protocol or "tmnet")
    return Subject(
        method=card.name,
        upscaler=built.upscaler,
        input_frames=input_frames or built.input_frames or rules.windows.inputs_at(plan.rate),
        card=card.decisive(),
        network_versions=built.network_versions,
        untrained=built.untrained,
    )


def _measure(subjects: "list[Subject]", plan: "SpeedPlan", *, quiet: bool) -> "tuple[SpeedRecord, ...]":
    from rich.console import Console
    from rich.progress import Progress

    from harness.evaluation.speed import measure_speed

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("rounds", total=plan.warmup + plan.repeats)
        command = shlex.join(["harness", *sys.argv[1:]])
        return measure_speed(subjects, plan, command=command, on_round=lambda: progress.advance(task))


def _kept(folder: Path, methods: Sequence[str], *, across_machines: bool) -> "tuple[SpeedRecord, ...]":
    """The newest records below `folder`, of `methods` in their order where any are named."""
    from harness.records.speed import latest, read_speed, refuse_mixed_machines

    records = latest(read_speed(folder))
    if methods:
        unknown = sorted(set(methods) - {record.method for record in records})
        if unknown:
            raise UsageError(
                f"A speed record of {', '.join(unknown)} is wanted in {folder}.",
                found="none",
                todo="harness speed --method NAME --save",
            )
        records = tuple(record for name in methods for record in records if record.method == name)
    if not records:
        raise UsageError(
            f"Speed records are wanted in {folder}.", found="none", todo="harness speed --method NAME --save"
        )
    if not across_machines:
        refuse_mixed_machines(records)
    return records


def _print(records: "Sequence[SpeedRecord]", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_summary(record, records[0]) for record in records], indent=1))
        return
    groups: dict[str, list[SpeedRecord]] = {}
    for record in records:
        groups.setdefault(str(record.setup), []).append(record)
    for setup, group in groups.items():
        typer.echo(setup)
        for machine in dict.fromkeys(record.machine for record in group):
            typer.echo(f"machine: {machine}")
        typer.echo()
        for line in (*speed_table(group), *stage_lines(group)):
            typer.echo(line)
        typer.echo()
    typer.echo("ms per HR frame: median [quartiles]. GFLOP: convolutions and matrix products of one HR frame.")


def _summary(record: "SpeedRecord", first: "SpeedRecord") -> dict[str, object]:
    derived: dict[str, object] = {
        f"{figure}_ms_median_quartiles": record.spread(figure) for figure in ("whole", "without_flow", "with_io")
    }
    if record.setup == first.setup:
        derived["ratio_to_first"] = record.ratio_to(first)
    return {
        **record.model_dump(mode="json"),
        "machine": record.machine,
        **derived,
        "fps": record.frames_per_second,
        "fps_without_flow": record.frames_per_second_without_flow,
    }


def speed_table(records: "Sequence[SpeedRecord]") -> list[str]:
    """Records of one setup as aligned lines; ratios are to the first one."""
    several_machines = len({record.machine for record in records}) > 1
    header = ["method", "whole", "without flow", "with PNG I/O", "fps", "without flow", f"time / {records[0].method}"]
    rows = [[*header, "params", "GFLOP", "peak MiB", *(["host"] if several_machines else [])]]
    for record in records:
        peak = record.peak_memory_bytes
        row = [
            record.method,
            _cell(record.spread("whole")),
            _cell(record.spread("without_flow")) if record.has_flow else "has no flow",
            _cell(record.spread("with_io")),
            f"{record.frames_per_second:.2f}",
            f"{record.frames_per_second_without_flow:.2f}" if record.has_flow else "",
            _cell(record.ratio_to(records[0])),
            f"{record.parameters / 1e6:.2f} M" if record.parameters else "0",
            f"{record.flops / 1e9:.2f}",
            "unknown" if peak is None else f"{peak / 2**20:.0f}",
        ]
        rows.append([*row, record.environment.get("host", "")] if several_machines else row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def stage_lines(records: "Sequence[SpeedRecord]") -> list[str]:
    """What the stages of two-stage methods take by themselves, a line for each method; none where there are none."""
    from harness.records.speed import spread

    staged = [record for record in records if record.stages_ms]
    lines = [
        f"{record.method}: "
        + ", ".join(f"{stage} {_cell(spread(values))}" for stage, values in record.stages_ms.items())
        for record in staged
    ]
    return ["", "stages by themselves", *lines] if lines else []


def _cell(spread: "Spread") -> str:
    digits = 1 if spread.median >= 100 else 2
    return f"{spread.median:.{digits}f} [{spread.low:.{digits}f} {spread.high:.{digits}f}]"
