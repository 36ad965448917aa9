"""Jobs on a Ray cluster: each is a task that runs the job's commands on whatever node has room for it.

The nodes share the results folder and see the data under the same path; a small task on every node looks before
anything starts. A worker or a node that is lost costs its job one more try, from the last checkpoint; a job that ends
with an error is not tried again. Ray's own retries are off, so that what happens is said.
"""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from uuid import uuid4

from harness import __version__
from harness.errors import MissingExtraError, UsageError
from harness.studies.course import Course
from harness.studies.plan import Job, StudyPlan
from harness.studies.probe import Probe
from harness.studies.work import STOPPED, STOPPING, Outcome, Stop, Watcher, commands_of, outcome_of, states

_TICK = 0.5  # seconds between two looks
_PATIENCE = 120.0  # seconds that a job waits for the lock of a process that is about to end

Task = Any
"""A function that Ray carries out elsewhere; Ray's own types are not here where Ray is not."""


@dataclass(frozen=True)
class Share:
    """What of a node one job takes."""

    cpus: float = 1
    gpus: float | None = None
    """None: one where the cluster has some."""


@dataclass(frozen=True)
class _Order:
    """What a worker is told."""

    commands: tuple[tuple[str, ...], ...]
    folder: Path
    log: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class _End:
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
        self.environment = {name: value for name, value in os.environ.items() if name.startswith("HARNESS_")}
        self._nodes = [node for node in self._ray.nodes() if node["Alive"]]
        some = any(node["Resources"].get("GPU") for node in self._nodes)
        self._wanted = {"CPU": share.cpus, "GPU": float(some) if share.gpus is None else share.gpus}
        try:
            self.slots = self._count_slots()
        except UsageError:
            self._ray.shutdown()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def __str__(self) -> str:
        return f"Ray cluster of {len(self._nodes)} nodes, {self.slots} cells at once"

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

    def probe(self, job: Job) -> Probe | None:
        """Nothing is measured here: the nodes may be other machines."""

    def run(self, plan: StudyPlan, jobs: Sequence[Job], *, watcher: Watcher, stop: Stop) -> list[Outcome]:
        """Run jobs, each wherever there is room. See `Crew`."""
        lost_before, outcomes, stopping = set[str](), list[Outcome](), False
        pending = {self._submit(plan, job): job for job in jobs}
        with _silenced():
            while pending:
                if not stopping and stop():
                    stopping = True
                    watcher.said(STOPPING)
                    for reference in pending:
                        self._ray.cancel(reference)
                ready, _ = self._ray.wait(list(pending), timeout=_TICK)
                for reference in ready:
                    job, end = pending.pop(reference), self._end(reference)
                    if end.lost and job.key not in lost_before and not stopping:
                        lost_before.add(job.key)
                        watcher.said(f"{job.label}: {end.why}. It is tried once more, from its last checkpoint.")
                        pending[self._submit(plan, job)] = job
                    else:
                        outcomes.append(_outcome(plan, job, end, stopping=stopping))
                        watcher.ended(outcomes[-1])
                watcher.waited()
        return outcomes

    def _submit(self, plan: StudyPlan, job: Job) -> object:
        commands = tuple(commands_of(job, states(plan, [job])[0], self._device))
        order = _Order(commands, job.folder.absolute(), job.log.absolute(), self.environment)
        reference: object = self._remote(_carry_out).remote(order)
        return reference

    def _remote(self, function: Callable[..., object], **options: object) -> Task:
        share = {"num_cpus": self._wanted["CPU"], "num_gpus": self._wanted["GPU"], **options}
        return self._ray.remote(max_retries=0, **share)(function)

    def _end(self, reference: object) -> "_End":
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

    def _look(self, node: Mapping[str, Any], marker: Path, text: str, data: str) -> str:
        strategy = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        task = self._remote(_what_is_wrong_here, num_cpus=0, num_gpus=0, scheduling_strategy=strategy)
        try:
            return str(self._ray.get(task.remote(marker, text, data, __version__), timeout=_PATIENCE))
        except self._ray.exceptions.RayError as error:
            return f"it cannot run the harness: {str(error).strip().splitlines()[-1]}"

    def _count_slots(self) -> int:
        wanted = {name: amount for name, amount in self._wanted.items() if amount}
        slots = sum(
            min((int(node["Resources"].get(name, 0) // amount) for name, amount in wanted.items()), default=1)
            for node in self._nodes
        )
        if not slots:
            largest = {name: max(node["Resources"].get(name, 0) for node in self._nodes) for name in wanted}
            raise UsageError(
                "No node of the cluster has room for a cell.",
                found=f"at most {' and '.join(f'{amount:g} {name}' for name, amount in largest.items())} on a node",
                todo="lower --cpus-per-cell or --gpus-per-cell",
            )
        return slots


@contextmanager
def _silenced() -> Iterator[None]:
    """Ray prints the logs of lost nodes on standard output, where nothing but the product goes."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _outcome(plan: StudyPlan, job: Job, end: _End, *, stopping: bool) -> Outcome:
    outcome = outcome_of(plan, job, STOPPED if stopping else end.code, seconds=end.seconds)
    if not (outcome.failed and end.why):
        return outcome
    return replace(outcome, failed=end.why + (", for the second time" if end.lost else ""))


def _import_ray() -> ModuleType:
    try:
        import ray  # noqa: PLC0415
        import ray.exceptions  # noqa: PLC0415
        import ray.util.scheduling_strategies  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("ray", extra="cluster", purpose="--ray") from error
    return ray


def _tell(node: Mapping[str, Any], results: Path, wrong: str) -> None:
    if wrong:
        raise UsageError(
            f"Every node of the cluster must see {results.absolute()} and the data, and have this version.",
            found=f"on node {node['NodeManagerHostname']} ({node['NodeManagerAddress']}): {wrong}",
            todo="put --results (and --data) on a file system that all nodes mount under the same path",
        )


def _what_is_wrong_here(marker: Path, text: str, data: str, version: str) -> str:
    """On a node: why it cannot take part, in words; empty where it can."""
    if version != __version__:
        return f"harness {__version__}, here {version}"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != text:
        return "the folder is not there, or is another one"
    if Path(data).is_absolute() and not Path(data).is_dir():
        return f"no folder {data}"
    return ""


def _carry_out(order: _Order) -> tuple[int, float]:
    """On a node: run a job's commands; the last one's exit code, and seconds.

    Cancelled, they are interrupted once.
    """
    begin = time.monotonic()
    # By which Ray cancels; on nodes that were started in the background it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _wait_for(order.folder)
    course = Course(order.commands, log=order.log, environment=order.environment)
    try:
        while (code := course.poll()) is None:
            time.sleep(_TICK / 5)
    except KeyboardInterrupt:
        course.interrupt()
        while course.poll() is None:
            time.sleep(_TICK / 5)
        code = STOPPED
    finally:
        course.kill()
    return code, time.monotonic() - begin


def _wait_for(folder: Path) -> None:
    """Until nobody holds a training's folder: the process of a lost worker may be about to end."""
    path, until = folder / "lock", time.monotonic() + _PATIENCE
    while path.exists() and time.monotonic() < until:
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TICK)
        else:
            return
        finally:
            os.close(handle)
