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
        lowest: temporal factor that it can have.
        highest: the same; None: any.
        scale: spatial factor; None: the dataset's.
        protocol: how it is scored; None: the dataset's.
    """

    name: str
    rate: int = 2
    lowest: int = 1
    highest: int | None = None
    scale: int | None = None
    protocol: str | None = None

    def rate_of(self, given: int | None) -> int:
        """The rate, where the command line may give one. Raises UsageError for one that the task does not have."""
        rate = self.rate if given is None else given
        if rate < self.lowest or rate > (self.highest or rate):
            raise UsageError(
                f"The task {self.name} has {'rate 1' if self.highest == 1 else f'rates from {self.lowest} on'}.",
                found=f"--rate {rate}",
                todo=f"leave --rate out for {self.rate}",
            )
        return rate


SPACE_TIME = Task("space-time")

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        SPACE_TIME,
        Task("interpolation", lowest=2, scale=1, protocol="interpolation"),
        Task("super-resolution", rate=1, highest=1),
    )
}


def find_task(name: str) -> Task:
    """The task of this name. Raises UsageError with the closest names."""
    if name not in TASKS:
        raise UsageError(f"There is no task '{name}'.", todo=suggest(name, TASKS))
    return TASKS[name]
