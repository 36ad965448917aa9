"""What a study is resolved to, and what is refused before any cell runs."""

import shlex
from pathlib import Path

import pytest

import harness.studies.plan as planning
from harness.cards import CardLibrary, Overrides
from harness.errors import CardError, DataError, HarnessError, UsageError
from harness.records.reported import load_reported
from harness.records.store import content_key
from harness.records.study import StudyRow
from harness.studies.ablation import ablation_rows
from harness.studies.commands import Places, in_words
from harness.studies.names import default_name, log_names
from harness.training.recipe import split_assignments
from harness.training.sources import open_source
from harness.training.train import TrainRequest, plan_training, setting_of
from tests.studies.conftest import Planner
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)
PLAIN = StudyRow(name="plain", method="standin")
MOTION = StudyRow(name="motion", method="standin", changes={"training.lambda_mcl": 0.5})


def test_a_job_is_the_public_command_and_has_its_key(plan: Planner) -> None:
    resolved = plan(PLAIN, MOTION, seeds=2)
    assert [job.label for job in resolved.jobs] == [
        *("plain, seed 0", "motion, seed 0", "plain, seed 1", "motion, seed 1"),
    ]
    for job in resolved.jobs:
        given = dict(zip(job.train[1::2], job.train[2::2], strict=True))
        sets = [job.train[at + 1] for at, part in enumerate(job.train) if part == "--set"]
        of_card, of_recipe = split_assignments(sets)
        by_hand = plan_training(
            TrainRequest(
                method=given["--method"],
                data=given["--data"],
                recipe=given["--recipe"],
                overrides=Overrides.parse(of_card),
                recipe_changes=Overrides.parse(of_recipe).method,
                seed=int(given["--seed"]),
                results=Path(given["--results"]),
            ),
            CardLibrary(),
        )
        assert content_key(by_hand.identity) == job.key
        assert by_hand.folder == job.folder
        assert setting_of(by_hand.identity) == resolved.study.setting


def test_a_study_says_what_it_compares(plan: Planner) -> None:
    study = plan(PLAIN, MOTION, seeds=2, full=0).study
    assert (study.seeds, study.full, study.datasets) == ((0, 1), 0, ("frames",))
    assert [(cell.row, cell.seed) for cell in study.cells] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert study.cells[0].folder.startswith("training/standin--clips--smoke--")
    assert study.budget == "trained:clips|recipe:smoke(batch:2,crop:4,iterations:6,precision:fp32,lr:0.01)"


def test_what_all_rows_share_is_part_of_the_budget(plan: Planner) -> None:
    assert plan(PLAIN, sets=("training.lambda_mcl=1",)).study.budget.endswith("|set:training.lambda_mcl=1")


def test_rates_share_a_training_and_are_scored_one_by_one(plan: Planner) -> None:
    rows = [StudyRow(name=f"STINet({rate - 1})", method="standin", rate=rate) for rate in (2, 3)]
    resolved = plan(*rows)
    (job,) = resolved.jobs
    assert (job.rows, list(job.score)) == ((0, 1), [2, 3])
    assert {cell.key for cell in resolved.study.cells} == {job.key}
    assert "--rate 3" in in_words(job.score[3])
    assert {one.header.rate for one in resolved.wanted} == {2, 3}
    assert resolved.notes == ()


def test_rows_that_are_one_training_are_told(plan: Planner) -> None:
    same = StudyRow(name="same", method="standin", changes={"training.lambda_mcl": 0.0})
    resolved = plan(PLAIN, same, MOTION)
    assert len(resolved.jobs) == 2
    assert resolved.notes == ("plain and same are one training: under these settings they do not differ.",)


def test_recipes_may_differ_and_that_is_told(plan: Planner) -> None:
    fast = StudyRow(name="fast", method="standin", changes={"recipe.learning_rate": 0.1})
    resolved = plan(PLAIN, fast)
    assert len(resolved.jobs) == 2
    assert "differ in their recipe" in resolved.notes[0]
    assert "--set recipe.learning_rate=0.1" in in_words(resolved.jobs[1].train)
    assert "recipe.learning_rate" not in in_words(resolved.jobs[1].score[2])


def test_what_only_training_sees_is_left_out_of_scoring(plan: Planner) -> None:
    (job,) = plan(MOTION, sets=("options.window=4",)).jobs
    assert "training.lambda_mcl=0.5" in job.train
    assert "training.lambda_mcl=0.5" not in job.score[2]
    assert "options.window=4" in job.score[2]


def test_the_data_is_looked_at_once(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(data: str, *, held_out: int, demo_clips: int) -> object:
        looked.append(data)
        return open_source(data, held_out=held_out, demo_clips=demo_clips)

    monkeypatch.setattr(planning, "open_source", look)
    plan(PLAIN, MOTION, StudyRow(name="more", method="standin", changes={"training.lambda_mcl": 1.0}), seeds=3)
    assert len(looked) == 1


@pytest.mark.parametrize("table", ["I", "II", "III", "IV", "V"])
def test_every_table_of_the_paper_can_be_planned(table: str, plan: Planner) -> None:
    rows, full = ablation_rows(table, CardLibrary(), load_reported())
    small = ("training.lambda_per=0", "options.channels=8", "options.super_resolution_stages=1")
    resolved = plan(*rows, sets=small, full=full, seeds=2)
    assert len(resolved.jobs) == 2 * (len(rows) if table != "II" else 1)
    assert any("pass --init FILE" in note for note in resolved.notes)


@pytest.mark.parametrize(
    ("row", "options", "error", "words"),
    [
        (StudyRow(name="a", method="standin", changes={"options.chanels": 8}), {}, CardError, "chanels"),
        (StudyRow(name="a", method="standin", changes={"training.lambda_per": 1}), {}, DataError, "VGG-19"),
        (StudyRow(name="a", method="bicubic"), {}, UsageError, "cannot be trained"),
        (StudyRow(name="a", method="tmnett"), {}, CardError, "tmnett"),
        (PLAIN, {"recipe": "smook"}, CardError, "Unknown recipe"),
        (PLAIN, {"recipe": None}, UsageError, "names no recipe"),
        (PLAIN, {"data": "gone"}, DataError, "no such folder"),
        (PLAIN, {"datasets": ("vid4",)}, DataError, "no clip of it"),
        (PLAIN, {"datasets": ("nowhere",)}, CardError, "Unknown dataset"),
        (PLAIN, {"sets": ("protocol.border=4",)}, UsageError, "changes card or recipe"),
        (PLAIN, {"sets": ("recipe.bach=4",)}, CardError, "Did you mean 'batch'"),
        (PLAIN, {"name": "Mine!"}, UsageError, "--name"),
        (PLAIN, {"name": "iv"}, UsageError, "harness table"),
    ],
)
def test_it_refuses_before_anything_runs(
    row: StudyRow,
    options: dict[str, object],
    error: type[HarnessError],
    words: str,
    plan: Planner,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("HARNESS_VGG19", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(error, match=words):
        plan(PLAIN, row, **options)
    assert not (tmp_path / "results").exists()


def test_paths_for_a_process_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = Places(Path("r"), Path("d"), cards=(Path("c"),), initial=Path("i")).absolute()
    assert (places.results, places.cards, places.initial) == (tmp_path / "r", (tmp_path / "c",), tmp_path / "i")
    assert shlex.split(in_words(places.arguments(), {"A": "b c"}))[:2] == ["A=b c", "harness"]


def test_names() -> None:
    assert default_name("table-IV", "Davis 270", "minutes") == "table-iv-davis-270-minutes"
    assert log_names(["ST-GR w/o E^F", "ST-GR w/o E^f", "→"]) == ["st-gr-w-o-e-f", "st-gr-w-o-e-f-2", "row"]
