"""Which losses on a cluster are made good, and what is refused: a Ray that does what it is told."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

import harness.studies.cluster as clusters
from harness import __version__
from harness.errors import UsageError
from harness.records.study import StudyRow
from harness.studies.cluster import Cluster, Share
from harness.studies.node import Order, carry_out, what_is_wrong_here
from harness.studies.plan import Job
from harness.studies.work import Outcome
from tests.studies.conftest import Planner
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)
ROW = StudyRow(name="plain", method="standin")
MOTION = StudyRow(name="motion", method="standin", changes={"training.lambda_mcl": 0.5})


class RayError(Exception):
    pass


class WorkerCrashedError(RayError):
    pass


class RayTaskError(RayError):
    pass


class TaskCancelledError(RayError):
    pass


def a_node(key: str, *, cpus: int = 1, gpus: int = 0) -> dict[str, object]:
    return {"NodeID": key, "Alive": True, "NodeManagerHostname": key, "Resources": {"CPU": cpus, "GPU": gpus}}


@dataclass
class Ray:
    """Task N ends as `script[N]` says, with a value or an error; where it says nothing, it never ends."""

    script: dict[int, object] = field(default_factory=dict)
    alive: list[dict[str, object]] = field(default_factory=lambda: [a_node("first"), a_node("second")])
    placed: list[str] = field(default_factory=list)
    shares: list[dict[str, object]] = field(default_factory=list)
    cancelled: int = 0
    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, TaskCancelledError=TaskCancelledError)

    def __post_init__(self) -> None:
        strategies = SimpleNamespace(NodeAffinitySchedulingStrategy=lambda key, soft: key)
        self.util = SimpleNamespace(scheduling_strategies=strategies)

    def init(self, **_: object) -> None:
        """It is there."""

    def shutdown(self) -> None:
        """It goes."""

    def nodes(self) -> list[dict[str, object]]:
        return self.alive

    def remote(self, *, max_retries: int, scheduling_strategy: str, **share: object) -> Callable[..., object]:
        assert max_retries == 0

        def send(*_: object) -> int:
            self.placed.append(scheduling_strategy)
            self.shares.append(share)
            return len(self.placed) - 1

        return lambda function: SimpleNamespace(remote=send)

    def wait(self, references: list[int], *, timeout: float) -> tuple[list[int], list[int]]:
        del timeout
        there = [reference for reference in references if reference in self.script]
        return there[:1], [reference for reference in references if reference not in there[:1]]

    def get(self, reference: int, timeout: float = 0) -> object:
        del timeout
        end = self.script[reference]
        if isinstance(end, Exception):
            raise end
        return end

    def cancel(self, reference: int, *, force: bool = False) -> None:
        self.cancelled += 1
        if not force:
            self.script[reference] = TaskCancelledError()


class Told:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def started(self, job: Job, where: str) -> None:
        self.words.append(f"{job.label} on {where}")

    def ended(self, outcome: Outcome) -> None:
        self.words.append(outcome.failed)

    def said(self, words: str) -> None:
        self.words.append(words)

    def waited(self) -> None:
        """Time goes by."""


def connected(ray: Ray, monkeypatch: pytest.MonkeyPatch, share: Share | None = None) -> Cluster:
    monkeypatch.setattr(clusters, "_import_ray", lambda: ray)
    monkeypatch.setattr(clusters, "_TICK", 0.001)
    return Cluster("somewhere", share or Share())


def ends(*script: object) -> Ray:
    """A Ray whose tasks end so, one after the other."""
    return Ray(dict(enumerate(script)))


def run(
    ray: Ray, plan: Planner, monkeypatch: pytest.MonkeyPatch, stops: Iterable[bool] = ()
) -> tuple[list[Outcome], str]:
    told, answers = Told(), iter(stops)
    resolved = plan(ROW, MOTION)
    crew = connected(ray, monkeypatch)
    outcomes = crew.run(resolved, resolved.jobs, watcher=told, stop=lambda: next(answers, False))
    return outcomes, "\n".join(told.words)


def test_a_second_loss_of_the_same_cell_is_a_failure(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = ends(WorkerCrashedError(), (2, 1.0), WorkerCrashedError())
    (motion, plain), words = run(ray, plan, monkeypatch)
    assert words.count("It is tried once more, from its last checkpoint.") == 1
    assert "plain, seed 0: its worker was lost (WorkerCrashedError). It is tried" in words
    assert plain.failed == "its worker was lost (WorkerCrashedError), for the second time"
    assert motion.failed == "exit code 2"  # an ordinary failure is not tried again
    assert ray.placed == ["first", "second", "second"]  # not where it was lost


def test_losses_of_different_cells_are_each_made_good(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_REST", 0.0)
    outcomes, words = run(ends(WorkerCrashedError(), WorkerCrashedError(), (2, 1), (2, 1)), plan, monkeypatch)
    assert words.count("tried once more") == 2
    assert [outcome.failed for outcome in outcomes] == ["exit code 2"] * 2


def test_an_error_on_the_worker_is_told_and_no_loss(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    error = RayTaskError("Traceback\nOSError: disk full")
    outcomes, words = run(ends(error, (0, 1.0)), plan, monkeypatch)
    assert outcomes[0].failed == "OSError: disk full"
    assert outcomes[1].failed == "its results are not those that were planned"
    assert "once more" not in words


def test_a_node_that_is_gone_never_says_so(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray()

    def stop() -> bool:
        ray.alive[0]["Alive"] = not ray.placed  # it goes as soon as something is placed
        ray.script |= dict.fromkeys(range(1, len(ray.placed)), (2, 1.0))
        return False

    resolved, told = plan(ROW, MOTION), Told()
    outcomes = connected(ray, monkeypatch).run(resolved, resolved.jobs, watcher=told, stop=stop)
    assert any("the node first was lost. It is tried once more" in word for word in told.words)
    assert [outcome.failed for outcome in outcomes] == ["exit code 2"] * 2
    assert ray.placed == ["first", "second", "second"]


def test_no_node_is_left(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray()

    def stop() -> bool:
        for node in ray.alive:
            node["Alive"] = not ray.placed
        return False

    resolved, told = plan(ROW, MOTION), Told()
    outcomes = connected(ray, monkeypatch).run(resolved, resolved.jobs, watcher=told, stop=stop)
    assert [outcome.failed for outcome in outcomes] == ["no node of the cluster is left"] * 2


def test_ctrl_c_cancels_what_is_at_work(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Ray(alive=[a_node("only")])
    outcomes, words = run(ray, plan, monkeypatch, stops=[False, True])
    assert "Stops: cells at work finish their step" in words
    assert (ray.cancelled, len(ray.placed)) == (1, 1)
    assert [outcome.failed for outcome in outcomes] == [""]


def test_as_many_at_once_as_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [a_node("a", cpus=8, gpus=2), a_node("b", cpus=8), {**a_node("c", gpus=9), "Alive": False}]
    assert connected(Ray(alive=nodes), monkeypatch).slots == 2  # a GPU each, where there are some
    assert connected(Ray(alive=nodes), monkeypatch, Share(cpus=2, gpus=0)).slots == 8
    assert connected(Ray(alive=nodes), monkeypatch, Share(cpus=0, gpus=0.5)).slots == 4
    with pytest.raises(UsageError, match="at most 8 CPU and 2 GPU on a node"):
        connected(Ray(alive=nodes), monkeypatch, Share(cpus=9, gpus=1))


def test_a_node_that_does_not_see_the_folder_is_refused(plan: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = plan(ROW)
    with pytest.raises(UsageError, match="on node second: the folder is not there") as raised:
        connected(ends("", "the folder is not there, or is another one"), monkeypatch).check(resolved)
    assert "mount under the same path" in str(raised.value)
    assert list(resolved.results.iterdir()) == []
    connected(ends("", ""), monkeypatch).check(resolved)
    with pytest.raises(UsageError, match="cannot run the harness: No module named 'harness'"):
        connected(ends(RayTaskError("Traceback\nNo module named 'harness'")), monkeypatch).check(resolved)


def test_files_are_named_so_that_they_are_found_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_WEIGHTS", raising=False)
    monkeypatch.setenv("HARNESS_CARDS", "mine:/yours")
    found = connected(Ray(), monkeypatch).environment
    assert found["HARNESS_WEIGHTS"] == str(tmp_path / "weights")
    assert found["HARNESS_CARDS"] == f"{tmp_path}/mine:/yours"


def test_what_a_node_looks_at(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    marker.write_text("here")
    assert what_is_wrong_here(marker, "here", "demo", __version__) == ""
    assert what_is_wrong_here(marker, "here", str(tmp_path), __version__) == ""
    assert "another one" in what_is_wrong_here(marker, "there", "demo", __version__)
    assert "not there" in what_is_wrong_here(tmp_path / "none", "here", "demo", __version__)
    assert what_is_wrong_here(marker, "here", str(tmp_path / "none"), __version__) == f"no folder {tmp_path}/none"
    assert what_is_wrong_here(marker, "here", "demo", "0") == f"harness {__version__}, not 0"


def test_a_worker_carries_out_commands(tmp_path: Path) -> None:
    assert threading.current_thread() is threading.main_thread()
    order = Order((("list", "nothing"), ("--version",)), tmp_path, tmp_path / "log", {"A": "1"})
    code, seconds = carry_out(order)
    assert code == 2
    assert seconds > 0
    assert "$ A=1 harness list nothing" in (tmp_path / "log").read_text()
    assert "--version" not in (tmp_path / "log").read_text()
