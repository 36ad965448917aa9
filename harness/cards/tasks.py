"""What is asked of a method: space and time at once, or one of the two by itself.

A task is data: which rate, scale and protocol it has where nobody says otherwise. No torch here.
"""

from dataclasses import dataclass

from harness.errors import UsageError
from harness.names import suggest


@dataclass(frozen=True)
class Task:
    """One task.

    Args:
        name: as on the command line.
        rate: temporal factor where none is given.
        fixed_rate: whether it has no other.
        scale: spatial factor; None: the dataset's.
        protocol: how it is scored; None: the dataset's.
    """

    name: str
    rate: int = 2
    fixed_rate: bool = False
    scale: int | None = None
    protocol: str | None = None

    def rate_of(self, given: int | None) -> int:
        """The rate, where the command line may give one. Raises UsageError for one that the task does not have."""
        if given is not None and self.fixed_rate and given != self.rate:
            raise UsageError(
                f"The task {self.name} has the rate {self.rate}.", found=f"--rate {given}", todo="leave --rate out"
            )
        return self.rate if given is None else given


SPACE_TIME = Task("space-time")

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        SPACE_TIME,
        Task("interpolation", scale=1, protocol="interpolation"),
        Task("super-resolution", rate=1, fixed_rate=True),
    )
}


def find_task(name: str) -> Task:
    """The task of this name. Raises UsageError with the closest names."""
    if name not in TASKS:
        raise UsageError(f"There is no task '{name}'.", todo=suggest(name, TASKS))
    return TASKS[name]
