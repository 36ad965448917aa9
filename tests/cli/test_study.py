"""`harness sweep` and `harness ablate`: what they print and refuse without running anything."""

import json
import sys
from pathlib import Path

import pytest

from harness.studies.local import Machine
from harness.studies.plan import Job, StudyPlan
from harness.studies.work import Outcome, Stop, Watcher, states
from tests.studies.setting import Bench, invoke

SMALL = ("--set", "training.lambda_per=0", "--set", "options.channels=8")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def text_of(arguments: list[str], *, code: int = 0) -> str:
    done = invoke(arguments)
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_a_dry_run_shows_plan_estimate_and_commands(bench: Bench) -> None:
    text = text_of([*bench.sweep("training.lambda_mcl=0,0.001"), "--device", "cpu", "--dry-run"])
    assert "tried: 2 rows x 1 seed = 2 cells" in text
    assert " *lambda_mcl=0         0  new    training/standin--clips--smoke--" in text
    assert "estimate   2 to do" in text
    assert "\nharness train --method standin" in text
    assert "\nharness run --method standin" in text
    assert not bench.results.exists()


def test_a_dry_run_as_data(bench: Bench) -> None:
    product = json.loads(text_of([*bench.sweep("training.lambda_mcl=0,0.001"), "--dry-run", "--json"]))
    assert [cell["state"] for cell in product["cells"]] == ["new", "new"]
    assert product["study"]["cells"][0]["key"] == product["cells"][0]["key"]
    assert product["cells"][0]["commands"][0].startswith("harness train --method standin")
    assert product["estimate"]["seconds"] is None
    assert product["study"]["full"] == 0


def test_an_ablation(tmp_path: Path) -> None:
    what = ["ablate", "--table", "iii", "--data", "demo", "--recipe", "smoke", "--seeds", "2", "--dataset", "demo"]
    text = text_of([*what, *SMALL, "--results", str(tmp_path), "--dry-run"])
    assert "table-iii-demo-smoke: 3 rows x 2 seeds = 6 cells" in text
    assert " *STINet " in text
    assert "set:training.lambda_per=0,options.channels=8" in text


def test_scored_on_vid4_where_it_is_here_else_on_demo(tmp_path: Path) -> None:
    what = ["ablate", "--table", "II", "--data", "demo", "--recipe", "smoke", *SMALL, "--results", str(tmp_path)]
    text = text_of([*what, "--data-root", str(tmp_path), "--dry-run"])
    assert "scored on  demo\n" in text
    assert "(rate 4)" in text
    assert "= 6 cells (3 trainings)" in text


def test_refusals(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = bench.sweep("training.lambda_mcl=0")
    assert "no table 'IX'" in text_of(["ablate", "--table", "IX", "--data", "demo"], code=2)
    assert "cannot vary" in text_of(bench.sweep("training.lamda_mcl=0"), code=2)
    assert "both name" in text_of([*sweep, "--set", "training.lambda_mcl=1"], code=2)
    assert "cuda:9" in text_of([*sweep, "--device", "cuda:9"], code=2)
    assert "--device is one" in text_of([*sweep, "--ray", "auto", "--device", "cpu", "--device", "cpu"], code=2)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "stvsr-harness[cluster]" in text_of([*sweep, "--ray", "auto"], code=2)
    assert not bench.results.exists()


def test_what_it_says_in_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(self: Machine, plan: StudyPlan, jobs: list[Job], *, watcher: Watcher, stop: Stop) -> list[Outcome]:
        state, _ = states(plan)
        outcomes = [Outcome(jobs[0], state, 1.0, "exit code 2", ("Error: why",)), Outcome(jobs[1], state, 1.0)]
        for outcome in outcomes:
            watcher.ended(outcome)
        return outcomes

    monkeypatch.setattr("harness.studies.local.Machine.run", run)
    sweep = [*bench.sweep("training.lambda_mcl=0,0.001"), "--results", str(tmp_path)]
    done = invoke(sweep)
    assert done.exit_code == 1
    assert "failed (new)" in done.stdout
    assert "harness table tried" in done.stdout
    assert "failed  lambda_mcl=0, seed 0: exit code 2" in done.stderr
    assert "        Error: why" in done.stderr
    quiet = invoke([*sweep, "--json"])
    product = json.loads(quiet.stdout)
    assert [cell["failed"] for cell in product["cells"]] == ["exit code 2", ""]
    assert (tmp_path / "studies" / "tried" / "study.json").is_file()
