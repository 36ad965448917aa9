"""How far a job is, by what lies on disk; the study's file and its log."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import RecordError, UsageError
from harness.records.study import StudyRow, read_study
from harness.studies.keep import held, kept_study, log_tail
from harness.studies.plan import Job, StudyPlan
from harness.studies.state import State, iteration_reached
from harness.studies.work import commands_of, outcome_of, states
from tests.studies.conftest import Planner
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)
ROW = StudyRow(name="plain", method="standin")


def given(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, list(command))
    assert done.exit_code == 0, done.output


def state(resolved: StudyPlan) -> State:
    (found,) = states(resolved)
    return found


def left(resolved: StudyPlan, job: Job) -> list[str]:
    return [command[0] for command in commands_of(job, state(resolved), "cpu")]


def test_new_trained_scored(plan: Planner) -> None:
    resolved = plan(ROW)
    (job,) = resolved.jobs
    assert (str(state(resolved)), left(resolved, job)) == ("new", ["train", "run"])
    given((*job.train, "--device", "cpu"))
    assert (str(state(resolved)), left(resolved, job)) == ("to be scored", ["run"])
    assert iteration_reached(job) == 6
    given((*job.score[2], "--device", "cpu"))
    assert (str(state(resolved)), left(resolved, job)) == ("done", [])
    assert outcome_of(resolved, job, 1, seconds=1).failed == ""  # a run that lacks clips ends with 1


def test_a_stopped_one_continues(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = plan(ROW)
    (job,) = resolved.jobs
    monkeypatch.setenv("STANDIN", "interrupt:5")
    assert CliRunner().invoke(app, [*job.train, "--device", "cpu"]).exit_code == 130
    assert str(state(resolved)) == "continues at iteration 5"
    assert state(resolved).seconds > 0
    assert outcome_of(resolved, job, 130, seconds=1).failed == ""
    assert outcome_of(resolved, job, -9, seconds=1).failed.startswith("killed by SIGKILL")
    assert outcome_of(resolved, job, 0, seconds=1).failed == "its results are not those that were planned"


def test_a_training_that_was_made_anew_is_scored_anew(plan: Planner) -> None:
    resolved = plan(ROW)
    (job,) = resolved.jobs
    given((*job.train, "--device", "cpu"))
    given((*job.score[2], "--device", "cpu"))
    (job.folder / "weights.safetensors").unlink()
    (job.folder / "checkpoint.pt").unlink()
    assert str(state(resolved)) == "new"
    given((*job.train, "--half", "--device", "cpu"))  # other bytes of the same key
    assert str(state(resolved)) == "to be scored"


def test_a_clip_that_failed_is_not_scored(plan: Planner) -> None:
    resolved = plan(ROW)
    (job,) = resolved.jobs
    given((*job.train, "--device", "cpu"))
    given((*job.score[2], "--device", "cpu"))
    (lines,) = resolved.results.glob("runs/*/clips.jsonl")
    line = {**json.loads(lines.read_text()), "status": "failed", "error": "broken"}
    lines.write_text(json.dumps(line) + "\n")
    assert str(state(resolved)) == "to be scored"


def test_damaged_files_are_no_progress(plan: Planner) -> None:
    resolved = plan(ROW)
    (job,) = resolved.jobs
    job.folder.mkdir(parents=True)
    for name in ("checkpoint.pt", "record.json", "weights.safetensors", "log.jsonl"):
        (job.folder / name).write_bytes(b"{")
    assert str(state(resolved)) == "new"
    assert iteration_reached(job) == 0


def test_a_study_is_kept_and_grows(plan: Planner) -> None:
    motion = StudyRow(name="motion", method="standin", changes={"training.lambda_mcl": 1.0})
    one, two = plan(ROW), plan(ROW, motion, seeds=2)
    with held(one), pytest.raises(RecordError, match="run by another process"), held(one):
        pass
    with held(two):
        assert len(read_study("tried", one.results).cells) == 4
    with held(one):
        assert len(read_study("tried", one.results).cells) == 4  # a part of it makes it no smaller
    other = plan(ROW, sets=("training.lambda_mcl=1",))  # the training of the other row, under this one's name
    with pytest.raises(UsageError, match=r"set:training\.lambda_mcl=1") as raised:
        kept_study(other)
    assert "--name" in str(raised.value)


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert log_tail(log) == ()
    log.write_text("\n$ harness train\nError: old\n\n$ harness run\na\nb\nc\n\nd\ne\n")
    assert log_tail(log) == ("b", "c", "d", "e")
    log.write_text("\n$ harness train\na\nError: why\nFound: that\n")
    assert log_tail(log) == ("Error: why", "Found: that")
    log.write_text("\n$ harness run\nfailed moving: why\n{\n}\n")
    assert log_tail(log) == ("failed moving: why",)
