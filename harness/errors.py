"""Errors for people: what was wanted, what was found, what to do next.

Every error that a user can cause derives from `HarnessError` and carries the exit code of DESIGN:
1 some clips failed, 2 bad use or bad input, 3 a check against reference numbers failed.
"""


class HarnessError(Exception):
    """An error that the user can act on.

    Args:
        what: what was wanted and did not happen, one sentence.
        found: what was found instead.
        todo: what to do next.
    """

    exit_code: int = 2

    def __init__(self, what: str, *, found: str = "", todo: str = "") -> None:
        self.what = what
        self.found = found
        self.todo = todo
        parts = [what, f"Found: {found}" if found else "", f"Next: {todo}" if todo else ""]
        super().__init__("\n".join(part for part in parts if part))


class UsageError(HarnessError):
    """The command line asks for something that does not exist or does not fit together."""


class CardError(HarnessError):
    """A card is missing, malformed, or refers to something unknown."""


class DataError(HarnessError):
    """A clip, list or folder is missing, damaged or of the wrong shape."""


class RecordError(HarnessError):
    """A record cannot be opened, written or trusted."""


class TrainingError(HarnessError):
    """A training cannot go on; what it has reached is kept."""

    exit_code = 1


class MissingExtraError(HarnessError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}'.",
            found="it is not installed here",
            todo=f"pip install 'stvsr-harness[{extra}]', or in a checkout: pip install -e '.[{extra}]'",
        )


class ReferenceMismatchError(HarnessError):
    """Computed numbers differ from reference numbers by more than the tolerance."""

    exit_code = 3
