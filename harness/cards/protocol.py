"""The protocol card: how a dataset is scored. Numbers under different protocols never share a column.

The fields are the points in which published evaluation codes differ (docs/protocol.md).
"""

from typing import Literal

from pydantic import Field

from harness.cards.base import Card, Citation, Model


class Windows(Model):
    """How a clip is cut into windows.

    A window of N input frames at rate r covers (N - 1) r + 1 consecutive ground-truth frames; its input
    frames are every r-th of them. Windows overlap in one frame; a frame is scored from the first window
    that produced it.
    """

    input_frames: dict[int, int] = Field(
        default={}, description="rate -> input frames per window; rates that are not listed take 2"
    )
    tail: Literal["append", "drop"] = Field(
        default="append",
        description="frames after the last whole window: append a window that ends at the clip's end, or drop them",
    )
    scored: tuple[int, ...] | Literal["between"] | None = Field(
        default=None, description="positions in a window that are scored; between: all but the inputs; None: all"
    )

    def inputs_at(self, rate: int) -> int:
        """Input frames per window at this rate."""
        return self.input_frames.get(rate, 2)

    def positions(self, span: int, rate: int) -> tuple[int, ...]:
        """The scored positions of a window of `span` frames at this rate, in order."""
        if self.scored is None:
            return tuple(range(span))
        if self.scored == "between":
            return tuple(position for position in range(span) if position % rate)
        return tuple(sorted(set(self.scored)))


class ProtocolCard(Card):
    """The evaluation rules of one publication."""

    version: int = Field(default=1, ge=1)
    plane: Literal["y", "rgb"] = Field(default="y", description="the plane whose PSNR and SSIM tables show")
    quantise: Literal["round", "truncate", "none"] = "round"
    border: int = Field(default=0, ge=0, description="pixels cropped on each side before scoring")
    lr_kernel: Literal["matlab-bicubic"] = "matlab-bicubic"
    windows: Windows = Windows()
    average: Literal["frames>clips", "frames>clips>folders"] = "frames>clips"
    citation: tuple[Citation, ...] = ()

    @property
    def metrics(self) -> tuple[str, str]:
        """The two metrics of the paper's tables under this protocol."""
        return (f"psnr-{self.plane}", f"ssim-{self.plane}")

    def signature(self, *, rate: int, scale: int, input_frames: int | None = None) -> str:
        """The protocol as one string, printed under every table.

        Args:
            rate: temporal factor.
            scale: spatial factor.
            input_frames: the window that was used, where a method needs another than the protocol's.
        """
        inputs = input_frames or self.windows.inputs_at(rate)
        positions = self.windows.scored or ("all",)
        scored = positions if isinstance(positions, str) else ",".join(map(str, positions))
        parts = (
            f"protocol:{self.name}.v{self.version}",
            f"rate:{rate}",
            f"scale:{scale}",
            f"lr:{self.lr_kernel}-u8",
            f"window:{inputs}in-{self.windows.tail}",
            f"scored:{scored}",
            "colour:y-bt601-studio" if self.plane == "y" else "colour:rgb",
            "range:255",
            f"rounding:{self.quantise}",
            f"border:{self.border}",
            f"average:{self.average}",
        )
        return "|".join(parts)
