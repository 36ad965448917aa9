"""What all cards share: frozen, typed, and an unknown key is an error."""

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+_-]*$", max_length=80)]
"""A card's name is its file name: lower case, so that it is the same on every file system."""


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    outside = pure.is_absolute() or ".." in pure.parts or not pure.parts
    if outside or any(sign in path for sign in "\\:") or not path.isprintable():
        raise ValueError("must be a path inside its own folder: relative, with '/', and without '..'")
    return path


RelativePath = Annotated[str, AfterValidator(_inside)]
"""A path that stays inside the folder it is resolved against: not absolute, no `..`, no drive letter."""

RelativeFolder = Annotated[str, AfterValidator(lambda path: path if path == "." else _inside(path))]
"""A RelativePath, or `.`: the folder itself."""


class Model(BaseModel):
    """A frozen model in which a misspelt key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Citation(Model):
    """Where a method or a dataset was published."""

    authors: str
    title: str
    venue: str
    year: int = Field(ge=1950, le=2100)
    url: str = ""


class Card(Model):
    """The head of every card. `name` comes from the file, never from its text."""

    name: Name
    title: str
    summary: str = ""
    extends: Name | None = None
    notes: tuple[str, ...] = ()
