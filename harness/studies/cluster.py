"""Jobs on a Ray cluster: each is a task on one node, as many on a node as it has room for.

The nodes share the results folder and see the data under the same path; a small task on every node looks before
anything starts. A worker or a node that is lost costs its job one more try, from the last checkpoint; a job that ends
with an error is not tried again. Ray's own retries are off, and nodes are chosen here, so that what happens is known
and said: a node that is gone is seen at once, not when a connection to it times out.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Self
from uuid import uuid4

from harness import __version__
from harness.cards.weights import weights_folder
from harness.errors import MissingExtraError, UsageError
from harness.studies.node import Order, carry_out, what_is_wrong_here
from harness.studies.plan import Job, StudyPlan
from harness.studies.probe import Probe
from harness.studies.work import STOPPED, STOPPING, Outcome, Stop, Told, Watcher, commands_of, outcome_of, states

_TICK = 0.5  # seconds between two looks
_REST = 30.0  # seconds that a node gets nothing after a loss: by then it is known whether it is dead
_PATIENCE = 120.0  # seconds in which a node must answer

Task = Any
"""A function that Ray carries out elsewhere; Ray's own types are not here where Ray is not."""


@dataclass(frozen=True)
class Share:
    """What of a node one job takes."""

    cpus: float = 1
    gpus: float | None = None
    """None: one where the cluster has some."""


class _Node(NamedTuple):
    """A node and how many jobs it takes at once."""

    key: str
    host: str
    slots: int


class _Placed(NamedTuple):
    job: Job
    node: _Node


class _End(NamedTuple):
    """How a task has ended: its exit code and seconds, or why there is none."""

    code: int
    seconds: float = 0.0
    why: str = ""
    lost: bool = False


class Cluster:
    """A connection to a Ray cluster; use as a context manager.

    Args:
        address: of the cluster, as Ray takes it: `auto`, `HOST:PORT`.
        share: what a job takes.
        device: of the jobs; `auto` is what Ray gives their workers.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: there is no cluster, or no node of it is large enough.
    """

    title: str | None = None

    def __init__(self, address: str, share: Share, *, device: str = "auto") -> None:
        self._ray = _import_ray()
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"There is no Ray cluster at '{address}'.",
                found=str(error).strip().splitlines()[0],
                todo="start one (`ray start --head`), or check --ray",
            ) from error
        self._device = device
        self.environment = _variables()
        try:
            self._share, self._nodes = _room(self._ray.nodes(), share)
        except UsageError:
            self._ray.shutdown()
            raise
        self.slots = sum(node.slots for node in self._nodes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with _silenced():
            self._ray.shutdown()

    def __str__(self) -> str:
        return f"{len(self._nodes)} nodes of a Ray cluster, {self.slots} cells at once"

    def check(self, plan: StudyPlan) -> None:
        """Whether every node sees the results folder and the data, and has this version. Raises UsageError."""
        results, text = plan.results.absolute(), uuid4().hex
        marker = results / f".seen-by-every-node-{text[:8]}"
        try:
            results.mkdir(parents=True, exist_ok=True)
            marker.write_text(text, encoding="utf-8")
            for node in self._nodes:
                _tell(node, results, self._look(node, marker, text, plan.data))
        except OSError as error:
            raise UsageError(f"{results} cannot be written.", found=error.strerror or str(error)) from error
        finally:
            marker.unlink(missing_ok=True)

    def device(self, index: int) -> str:
        """The same for all."""
        del index
        return self._device

    def probe(self, job: Job, told: Told) -> Probe | None:
        """Nothing is measured here: the nodes may be other machines."""

    def run(self, plan: StudyPlan, jobs: Sequence[Job], *, watcher: Watcher, stop: Stop) -> list[Outcome]:
        """Run jobs, each wherever there is room. See `Crew`."""
        waiting, outcomes, lost_before, stopping = deque(jobs), list[Outcome](), set[str](), False
        placed: dict[object, _Placed] = {}
        resting: dict[_Node, float] = {}
        with _silenced():
            while placed or (waiting and not stopping):
                if not stopping and stop():
                    stopping = True
                    watcher.said(STOPPING)
                    for reference in placed:
                        self._ray.cancel(reference)
                alive = self._alive()
                ready = [node for node in alive if time.monotonic() >= resting.get(node, 0.0)]
                while not stopping and waiting and (node := _free(ready, placed.values())) is not None:
                    job = waiting.popleft()
                    watcher.started(job, node.host)
                    placed[self._submit(plan, job, node)] = _Placed(job, node)
                if not alive and not placed:
                    outcomes += _nowhere(plan, waiting, watcher)
                    break
                for reference, end in self._ended(placed, alive):
                    job, node = placed.pop(reference)
                    if end.lost:
                        resting[node] = time.monotonic() + _REST
                    if end.lost and job.key not in lost_before and not stopping:
                        lost_before.add(job.key)
                        watcher.said(f"{job.label}: {end.why}. It is tried once more, from its last checkpoint.")
                        waiting.appendleft(job)
                    else:
                        outcomes.append(_outcome(plan, job, end, stopping=stopping))
                        watcher.ended(outcomes[-1])
                watcher.waited()
        return outcomes

    def _alive(self) -> list[_Node]:
        """The nodes that were there at the start and still are."""
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        return [node for node in self._nodes if node.key in alive]

    def _submit(self, plan: StudyPlan, job: Job, node: _Node) -> object:
        commands = tuple(commands_of(job, states(plan, [job])[0], self._device))
        order = Order(commands, job.folder.absolute(), job.log.absolute(), self.environment)
        share = {"num_cpus": self._share["CPU"], "num_gpus": self._share["GPU"]}
        reference: object = self._task(carry_out, node, **share).remote(order)
        return reference

    def _task(self, function: Callable[..., object], node: _Node, **share: float) -> Task:
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.key, soft=False)
        return self._ray.remote(max_retries=0, scheduling_strategy=strategy, **share)(function)

    def _ended(self, placed: Mapping[object, _Placed], alive: Sequence[_Node]) -> Iterator[tuple[object, _End]]:
        """The tasks that have ended meanwhile, and those whose nodes are gone, which will never say so."""
        if not placed:
            time.sleep(_TICK)
            return
        ready, others = self._ray.wait(list(placed), timeout=_TICK)
        yield from [(reference, self._end(reference)) for reference in ready]
        for reference in others:
            node = placed[reference].node
            if node not in alive:
                with suppress(self._ray.exceptions.RayError):
                    self._ray.cancel(reference, force=True)
                yield reference, _End(1, why=f"the node {node.host} was lost", lost=True)

    def _end(self, reference: object) -> _End:
        errors = self._ray.exceptions
        try:
            code, seconds = self._ray.get(reference)
            return _End(code, seconds)
        except errors.TaskCancelledError:
            return _End(STOPPED)
        except errors.RayTaskError as error:  # what runs on the worker has raised it: the worker lives
            return _End(1, why=str(error).strip().splitlines()[-1])
        except errors.RayError as error:
            return _End(1, why=f"its worker was lost ({type(error).__name__})", lost=True)

    def _look(self, node: _Node, marker: Path, text: str, data: str) -> str:
        task = self._task(what_is_wrong_here, node, num_cpus=0, num_gpus=0)
        try:
            return str(self._ray.get(task.remote(marker, text, data, __version__), timeout=_PATIENCE))
        except self._ray.exceptions.RayError as error:
            return f"it cannot run the harness: {str(error).strip().splitlines()[-1]}"


def _import_ray() -> ModuleType:
    try:
        import ray  # noqa: PLC0415
        import ray.exceptions  # noqa: PLC0415
        import ray.util.scheduling_strategies  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("ray", extra="cluster", purpose="--ray") from error
    return ray


def _variables() -> dict[str, str]:
    """HARNESS_…, which name files and folders, for a process elsewhere; weights lie where they do here."""
    given = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_") and value}
    given["HARNESS_WEIGHTS"] = str(weights_folder())
    return {
        name: os.pathsep.join(str(Path(part).absolute()) for part in value.split(os.pathsep) if part)
        for name, value in given.items()
    }


@contextmanager
def _silenced() -> Iterator[None]:
    """Ray prints the logs of lost nodes on standard output, where nothing but the product goes."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _room(nodes: Sequence[Mapping[str, Any]], share: Share) -> tuple[dict[str, float], list[_Node]]:
    """What a job takes, and the nodes that have room for some. Raises UsageError where none has."""
    alive = [node for node in nodes if node["Alive"]]
    some = any(node["Resources"].get("GPU") for node in alive)
    wanted = {"CPU": share.cpus, "GPU": float(some) if share.gpus is None else share.gpus}
    counted = {name: amount for name, amount in wanted.items() if amount}

    def slots(node: Mapping[str, Any]) -> int:
        return min((int(node["Resources"].get(name, 0) // amount) for name, amount in counted.items()), default=1)

    roomy = [_Node(node["NodeID"], node["NodeManagerHostname"], slots(node)) for node in alive if slots(node)]
    if not roomy:
        largest = {name: max((node["Resources"].get(name, 0) for node in alive), default=0) for name in counted}
        raise UsageError(
            "No node of the cluster has room for a cell.",
            found=f"at most {' and '.join(f'{amount:g} {name}' for name, amount in largest.items())} on a node",
            todo="lower --cpus-per-cell or --gpus-per-cell",
        )
    return wanted, roomy


def _free(alive: Sequence[_Node], placed: Iterable[_Placed]) -> _Node | None:
    """The node with most room left; None where all are full."""
    taken = [one.node for one in placed]
    room = {node: node.slots - taken.count(node) for node in alive}
    best = max(room, key=lambda node: room[node], default=None)
    return best if best is not None and room[best] > 0 else None


def _nowhere(plan: StudyPlan, jobs: Sequence[Job], watcher: Watcher) -> list[Outcome]:
    """The end of jobs for which no node is left."""
    found = states(plan, list(jobs))
    outcomes = [
        Outcome(job, state, 0.0, "no node of the cluster is left") for job, state in zip(jobs, found, strict=True)
    ]
    for outcome in outcomes:
        watcher.ended(outcome)
    return outcomes


def _tell(node: _Node, results: Path, wrong: str) -> None:
    if wrong:
        raise UsageError(
            f"Every node of the cluster must see {results} and the data, and have this version.",
            found=f"on node {node.host}: {wrong}",
            todo="put --results (and --data) on a file system that all nodes mount under the same path",
        )


def _outcome(plan: StudyPlan, job: Job, end: _End, *, stopping: bool) -> Outcome:
    outcome = outcome_of(plan, job, STOPPED if stopping else end.code, seconds=end.seconds)
    if not (outcome.failed and end.why):
        return outcome
    return replace(outcome, failed=end.why + (", for the second time" if end.lost else ""))
