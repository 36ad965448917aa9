"""Cells on a real Ray cluster: two nodes on this machine, one of which is killed."""

import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from ray.cluster_utils import Cluster as RayCluster
from safetensors.torch import load_file

from tests.studies.setting import PATIENCE, ROOT, Bench, invoke, until


class Nodes:
    """Two nodes with one core each."""

    def __init__(self) -> None:
        small = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
        self._cluster = RayCluster(initialize_head=True, head_node_args=small)
        self._second = self._cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        self.address = self._cluster.address

    def kill_the_second(self) -> None:
        """SIGKILL to the process that makes a node of a machine."""
        (raylet,) = self._second.all_processes["raylet"]
        os.kill(raylet.process.pid, signal.SIGKILL)

    def close(self) -> None:
        self._cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """As long as this file is there, trainings wait in their third step."""
    file = tmp_path / "hold"
    file.touch()
    return file


@pytest.fixture
def nodes(held: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    for name, value in {  # whatever the nodes start sees this checkout
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_period_ms": "500",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "STANDIN": f"hold:{held}",
    }.items():
        monkeypatch.setenv(name, value)
    made = Nodes()
    yield made
    made.close()


def weights(folder: Path) -> torch.Tensor:
    state = load_file(folder / "weights.safetensors")
    return torch.cat([state[name].flatten() for name in sorted(state)])


def test_a_lost_node_costs_its_cell_one_retry_from_its_checkpoint(nodes: Nodes, held: Path, bench: Bench) -> None:
    names = ("lambda_mcl=0", "lambda_mcl=0.001")
    driver = bench.start(
        [*bench.sweep("training.lambda_mcl=0,0.001"), "--ray", nodes.address, "--cpus-per-cell", "1"]
    )
    until(lambda: len(list(bench.results.glob("training/*/checkpoint.pt"))) == len(names))
    nodes.kill_the_second()
    assert driver.stderr is not None
    told = next((line for line in driver.stderr if "tried once more" in line), "")
    held.unlink()
    out, err = driver.communicate(timeout=PATIENCE)

    assert driver.returncode == 0, err
    assert out.count(" done ") == len(names)
    assert "raylet" not in out
    assert "was lost" in told
    assert "tried once more" not in err
    lost = next(name for name in reversed(names) if told.startswith(name))
    (other,) = set(names) - {lost}
    assert bench.log(lost).count(" harness train ") == 2
    assert bench.log(lost).count("Continues at iteration") == 1
    assert bench.log(other).count(" harness train ") == 1
    assert "Continues" not in bench.log(other)
    assert torch.equal(*with_undisturbed(bench, lost))


def with_undisturbed(bench: Bench, row: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of a row, and those that its command gives in one go here."""
    line = shlex.split(bench.log(row).splitlines()[1])  # "$ VARIABLE=VALUE harness train …"
    command = line[line.index("harness") + 1 :]
    done = invoke([*command, "--device", "cpu", "--out", str(bench.home / "alone")])
    assert done.exit_code == 0, done.output
    (folder,) = {Path(line.split()[1]).parent for line in bench.log(row).splitlines() if line.startswith("weights ")}
    return weights(folder), weights(bench.home / "alone")
