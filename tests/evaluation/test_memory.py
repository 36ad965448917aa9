"""Freed frames go back to the system."""

import subprocess
import sys

import pytest

_PROGRAM = """
import resource, numpy as np
from pathlib import Path
from harness.evaluation.memory import keep_frames_out_of_the_heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

if {fix}:
    keep_frames_out_of_the_heap()
np.ones(20 << 20, np.uint8)  # freed at once: from now on glibc would take blocks of up to 20 MB from the heap
before = resident()
blocks = [np.ones(6 << 20, np.uint8) for _ in range(20)]
last = blocks[-1]
del blocks
print((resident() - before) >> 20)
"""


@pytest.mark.parametrize(("fix", "expected_mb"), [(True, range(20)), (False, range(60, 200))])
def test_what_is_freed_is_given_back(fix: bool, expected_mb: range) -> None:
    """The last of twenty blocks lives on; the nineteen below it go back only where each has memory of its own."""
    run = subprocess.run([sys.executable, "-c", _PROGRAM.format(fix=fix)], check=True, capture_output=True, text=True)
    assert int(run.stdout) in expected_mb
