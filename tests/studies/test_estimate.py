"""How long a study takes, and where that is known from."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.records.store import ResultStore
from harness.records.study import StudyRow
from harness.studies.estimate import LIMIT, Clock, Estimate, estimate, in_words
from harness.studies.history import cost_of, known_trainings
from harness.studies.local import Machine
from harness.studies.plan import Job, StudyPlan
from harness.studies.probe import Probe, measure, worth_a_probe
from harness.studies.work import Told, states
from tests.studies.conftest import Planner
from tests.studies.setting import STANDIN
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)
ROW = StudyRow(name="plain", method="standin")
MOTION = StudyRow(name="motion", method="standin", changes={"training.lambda_mcl": 0.5})
EARLIER = "earlier trainings on cpu; not how long a cell takes to start"
PROBED = Probe(step=2.0, batch=1, start=10.0, words="measured")


def crew(probe: Callable[[Job, Told], Probe | None] = lambda job, told: None, *, slots: int = 1) -> Machine:
    machine = Machine(["cpu"] * slots)
    machine.probe = probe  # type: ignore[assignment, method-assign]
    return machine


def thought(resolved: StudyPlan, who: Machine) -> Estimate:
    return estimate(resolved, states(resolved), crew=who)


def given(command: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, [*command, "--device", "cpu"]).exit_code == 0


def test_a_probe_is_asked_once_and_scaled_by_the_batch(plan: Planner) -> None:
    asked: list[str] = []

    def probe(job: Job, told: Told) -> Probe:
        asked.append(job.label)
        return PROBED

    found = thought(plan(ROW, MOTION), crew(probe))
    assert asked == ["plain, seed 0"]
    assert list(found.seconds.values()) == [10 + 6 * 2 * 2] * 2
    assert found.sources == ("measured", "scoring on frames: not counted, never measured here")


def test_nothing_is_known(plan: Planner) -> None:
    found = thought(plan(ROW), crew())
    assert (found.total, list(found.seconds.values())) == (None, [None])


def test_a_limit_needs_no_probe(plan: Planner) -> None:
    def probe(job: Job, told: Told) -> Probe:
        raise AssertionError(job.label)

    found = thought(plan(ROW, MOTION, sets=("recipe.max_seconds=300",), seeds=2), crew(probe, slots=2))
    assert found.total == 600
    assert LIMIT in found.sources


def test_earlier_trainings_and_runs_of_the_same_cost(plan: Planner) -> None:
    seed_0 = plan(ROW)
    given(seed_0.jobs[0].train)
    (known,) = known_trainings(seed_0.results)
    assert known.cost == cost_of(seed_0.jobs[0].identity)
    assert known.device == "cpu"
    assert "scoring on frames: not counted, never measured here" in thought(seed_0, crew()).sources
    given(seed_0.jobs[0].score[2])
    found = thought(plan(ROW, MOTION, seeds=2), crew(lambda job, told: PROBED))
    motion_0, plain, motion_1 = found.seconds.values()  # seed 0 of the plain row is done
    (scored,) = (run.sessions[0].seconds for run in ResultStore(seed_0.results).runs())
    assert plain == pytest.approx(6 * known.step + scored)
    assert motion_0 == motion_1 == pytest.approx(34 + scored)
    assert found.sources == ("measured", EARLIER, "scoring on frames: earlier runs")


def test_another_device_or_cost_tells_nothing(plan: Planner) -> None:
    resolved = plan(ROW)
    given(resolved.jobs[0].train)
    elsewhere = crew()
    elsewhere.title = "NVIDIA H100"
    assert thought(plan(ROW, seeds=2), elsewhere).total is None
    assert thought(plan(ROW, sets=("recipe.batch=3",)), crew()).total is None
    assert thought(plan(ROW, sets=("recipe.iterations=60",)), crew()).total is not None


def test_other_weights_of_a_loss_cost_the_same(plan: Planner) -> None:
    one, two, none = (
        plan(StudyRow(name="a", method="standin", changes={"training.lambda_mcl": weight})).jobs[0]
        for weight in (0.1, 0.2, 0.0)
    )
    assert cost_of(one.identity) == cost_of(two.identity) != cost_of(none.identity)


def test_what_is_worth_a_probe(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    (short,), (long,) = plan(ROW).jobs, plan(ROW, sets=("recipe.iterations=600",)).jobs
    assert not worth_a_probe(short, "cpu")
    assert worth_a_probe(long, "cpu")
    told: list[str] = []
    assert Machine(["cpu"]).probe(short, told.append) is None
    assert told == []
    monkeypatch.setattr("harness.studies.local.measure", lambda job, device: PROBED)
    assert Machine(["cpu"]).probe(long, told.append) == PROBED
    assert told == ["Measures a few steps of 'plain, seed 0' on cpu: nothing is known of its speed here."]


def test_a_probe_measures_in_a_process_of_its_own(plan: Planner) -> None:
    (job,) = plan(ROW, sets=("recipe.iterations=600",)).jobs
    found = measure(dataclasses.replace(job, train=(*job.train, "--plugin", str(STANDIN))), "cpu")
    assert found is not None
    assert found.batch == 1
    assert 0 < found.step < found.start
    assert found.words == "2 steps of 1 crop of 'plain, seed 0', measured on cpu; times 2 for a batch"
    assert not job.folder.exists()


def test_a_probe_that_fails_says_nothing(plan: Planner) -> None:
    (job,) = plan(ROW).jobs  # a process of its own does not know the stand-in
    assert measure(job, "cpu") is None


def test_the_clock_learns_from_what_is_done() -> None:
    clock = Clock(Estimate({"a": 10.0, "b": 10.0, "c": 20.0}, slots=2))
    assert clock.left({}) == 20
    assert clock.left({"a": 4.0}) == 18
    clock.spent["a"] = 30.0  # thrice as long as was thought
    assert clock.left({}) == (30 + 60) / 2
    clock.given_up.add("b")
    assert clock.left({}) == 60


def test_the_clock_without_an_estimate() -> None:
    clock = Clock(Estimate({"a": None, "b": None}, slots=1))
    assert clock.left({}) is None
    clock.spent["a"] = 7.0
    assert clock.left({"b": 3.0}) == 4


def test_all_at_once_takes_as_long_as_the_longest() -> None:
    assert Estimate({"a": 10.0, "b": 30.0}, slots=8).total == 30
    assert Estimate({}, slots=8).total == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7, "7 s"), (200, "3 min 20 s"), (5400, "1 h 30 min"), (200000, "2 d 7 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("harness.studies.local.usable_cores", lambda: 8)
    assert Machine(["cpu"]).environment == {}
    assert Machine(["cpu", "cpu"]).environment == {"OMP_NUM_THREADS": "4"}
    assert str(Machine(["cpu", "cpu"])) == "cpu and cpu"
