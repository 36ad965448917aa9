"""A study from its request to its end: plan, estimate, cells, and what they have come to."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from harness.cards import CardLibrary
    from harness.cli.study_request import How
    from harness.studies.estimate import Estimate
    from harness.studies.plan import StudyPlan, StudyRequest
    from harness.studies.state import State
    from harness.studies.work import Crew, Outcome


def conduct(request: "StudyRequest", library: "CardLibrary", how: "How") -> None:
    """Plan a study, say what it takes, run what is not done, and say what there is then."""
    from harness.studies.estimate import estimate
    from harness.studies.keep import kept_study
    from harness.studies.plan import plan_study
    from harness.studies.work import states

    plan = plan_study(request, library)
    kept_study(plan)
    with _crew(how) as crew:
        before = states(plan)
        thought = estimate(plan, before, crew=crew, told=lambda words: typer.echo(words, err=True))
        if how.json and how.dry_run:
            typer.echo(json.dumps(_plan_as_data(plan, before, thought, crew), indent=1))
            return
        _show_plan(plan, before, thought, crew, to_stderr=not how.dry_run, quiet=how.json)
        if how.dry_run:
            _show_commands(plan, crew)
            return
        crew.check(plan)
        outcomes = _run(plan, before, thought, crew, quiet=how.json)
    _show_end(plan, {outcome.job.key: outcome for outcome in outcomes}, library, as_json=how.json)
    if any(outcome.failed for outcome in outcomes):
        raise typer.Exit(1)


def _crew(how: "How") -> "Crew":
    from harness.errors import UsageError
    from harness.studies.cluster import Cluster, Share
    from harness.studies.local import Machine

    if how.ray is None:
        return Machine(how.devices)
    if len(how.devices) > 1:
        raise UsageError(
            "With --ray, --device is one for all cells.",
            found=f"--device {' --device '.join(how.devices)}",
            todo="leave it out: a cell takes what Ray gives it",
        )
    return Cluster(how.ray, Share(how.cpus, how.gpus), device=(*how.devices, "auto")[0])


def _run(
    plan: "StudyPlan", before: "Sequence[State]", thought: "Estimate", crew: "Crew", *, quiet: bool
) -> "list[Outcome]":
    from harness.cli.study_progress import StudyWatcher
    from harness.studies.keep import held
    from harness.training.interrupts import Interrupts

    jobs = [job for job, state in zip(plan.jobs, before, strict=True) if not state.done]
    interrupts = Interrupts()
    try:
        with held(plan), StudyWatcher(thought, quiet=quiet) as watcher, interrupts:
            outcomes = crew.run(plan, jobs, watcher=watcher, stop=lambda: interrupts.asked)
        if not interrupts.asked:
            return outcomes
    except KeyboardInterrupt:
        pass
    typer.echo(f"Interrupted. What is done is kept in {plan.results}; the same command continues.", err=True)
    raise typer.Exit(130)


def _show_plan(
    plan: "StudyPlan", before: "Sequence[State]", thought: "Estimate", crew: "Crew", *, to_stderr: bool, quiet: bool
) -> None:
    for note in plan.notes:
        typer.secho(note, fg="yellow", err=True)
    if quiet:
        return
    study = plan.study
    cells, trainings = _count(len(study.cells), "cell"), _count(len(plan.jobs), "training")
    fewer = f" ({trainings})" if len(plan.jobs) < len(study.cells) else ""
    size = f"{_count(len(study.rows), 'row')} x {_count(len(study.seeds), 'seed')}"
    typer.echo(f"{study.name}: {size} = {cells}{fewer}", err=to_stderr)
    typer.echo(f"  budget     {study.budget}", err=to_stderr)
    typer.echo(f"  scored on  {', '.join(study.datasets)}", err=to_stderr)
    typer.echo(f"  runs on    {crew}", err=to_stderr)
    states = {job.key: str(state) for job, state in zip(plan.jobs, before, strict=True)}
    _show_cells(plan, states, to_stderr=to_stderr)
    _show_estimate(thought, to_stderr=to_stderr)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _show_cells(plan: "StudyPlan", states: Mapping[str, str], *, to_stderr: bool = False) -> None:
    study = plan.study
    names = [row.name + (f" (rate {row.rate})" if row.rate != 2 else "") for row in study.rows]
    wide = max(len(name) for name in (*names, "row"))
    long = max(len(text) for text in (*states.values(), "state"))
    typer.echo(f"\n  {'row':{wide}}  seed  {'state':{long}}  folder", err=to_stderr)
    for cell in sorted(study.cells, key=lambda cell: (cell.row, cell.seed)):
        mark = "*" if cell.row == study.full else " "
        state = f"{states[cell.key]:{long}}"
        typer.echo(f" {mark}{names[cell.row]:{wide}}  {cell.seed:4}  {state}  {cell.folder}", err=to_stderr)
    if study.full is not None:
        typer.echo("  * what the others are compared with", err=to_stderr)


def _show_estimate(thought: "Estimate", *, to_stderr: bool) -> None:
    from harness.studies.estimate import in_words

    left, total = len(thought.seconds), thought.total
    if not left:
        typer.echo("\nNothing is left to do.", err=to_stderr)
        return
    known = [value for value in thought.seconds.values() if value is not None]
    if total is None or not known:
        typer.echo(f"\nestimate   {left} to do; how long they take shows when the first is done", err=to_stderr)
    else:
        low, high = in_words(min(known)), in_words(max(known))
        each = low if low == high else f"{low} to {high}"
        at_once = f"{thought.slots} at once"
        typer.echo(f"\nestimate   {in_words(total)}: {left} to do, {each} each, {at_once}", err=to_stderr)
    for source in thought.sources:
        typer.echo(f"           {source}", err=to_stderr)
    typer.echo("", err=to_stderr)


def _commands(plan: "StudyPlan", crew: "Crew") -> dict[str, list[str]]:
    """All commands of every training by its key, done or not, as one types them."""
    from harness.studies.commands import in_words

    return {
        job.key: [
            in_words((*command, "--device", crew.device(index)), crew.environment)
            for command in (job.train, *job.score.values())
        ]
        for index, job in enumerate(plan.jobs)
    }


def _show_commands(plan: "StudyPlan", crew: "Crew") -> None:
    commands = _commands(plan, crew)
    for job in plan.jobs:
        typer.echo(f"# {job.label}")
        for command in commands[job.key]:
            typer.echo(command)


def _plan_as_data(
    plan: "StudyPlan", before: "Sequence[State]", thought: "Estimate", crew: "Crew"
) -> dict[str, object]:
    commands, jobs = _commands(plan, crew), {job.key: job for job in plan.jobs}
    states = {job.key: str(state) for job, state in zip(plan.jobs, before, strict=True)}
    return {
        "study": plan.study.model_dump(mode="json"),
        "cells": [
            {
                "row": plan.study.rows[cell.row].name,
                "seed": cell.seed,
                "key": cell.key,
                "state": states[cell.key],
                "seconds": thought.seconds.get(cell.key, 0.0),
                "folder": cell.folder,
                "log": str(jobs[cell.key].log),
                "commands": commands[cell.key],
            }
            for cell in plan.study.cells
        ],
        "estimate": {"seconds": thought.total, "at_once": thought.slots, "sources": list(thought.sources)},
        "notes": list(plan.notes),
    }


def _show_end(plan: "StudyPlan", outcomes: "Mapping[str, Outcome]", library: "CardLibrary", *, as_json: bool) -> None:
    """What there is in the end: the cells and where they lie, and their scores."""
    from harness.studies.work import states

    after = {job.key: state for job, state in zip(plan.jobs, states(plan), strict=True)}
    failed = {key: outcome.failed for key, outcome in outcomes.items() if outcome.failed}
    words = {key: f"failed ({state})" if key in failed else str(state) for key, state in after.items()}
    study = plan.study
    if as_json:
        cells = [
            {
                "row": study.rows[cell.row].name,
                "seed": cell.seed,
                "key": cell.key,
                "state": str(after[cell.key]),
                "failed": failed.get(cell.key, ""),
                "folder": cell.folder,
            }
            for cell in study.cells
        ]
        typer.echo(json.dumps({"study": study.name, "folder": str(plan.folder), "cells": cells}, indent=1))
        return
    _show_cells(plan, words)
    _show_table(plan, library)


def _show_table(plan: "StudyPlan", library: "CardLibrary") -> None:
    """The scores of a study, as `harness table` shows them."""
    from harness.records.store import ResultStore
    from harness.reports.emit import emit
    from harness.reports.tables import study_table

    runs = ResultStore(plan.results).runs()
    typer.echo("\n" + emit(study_table(plan.study, runs, library=library), "text"))
    typer.echo(f"table      harness table {plan.study.name}")
