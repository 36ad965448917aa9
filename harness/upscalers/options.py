"""The options of the built-in upscalers, typed. No torch: cards are validated before anything heavy loads."""

from typing import Literal, Self

from pydantic import Field, model_validator

from harness.cards.base import Model
from harness.networks.davsr.options import DAVSROptions
from harness.networks.edvr.options import EDVROptions
from harness.networks.rstt.options import RSTTOptions
from harness.networks.starnet.options import STARnetOptions
from harness.networks.stinet.options import SSROptions, STINetOptions
from harness.networks.tmnet.options import TMNetOptions
from harness.networks.videoinr.options import VideoINROptions
from harness.networks.zooming_slow_mo.options import ZoomingSlowMoOptions


class UpscalerOptions(Model):
    """What every upscaler understands."""

    window: int | None = Field(
        default=None, ge=2, description="input frames that the network takes at once; None: as the protocol says"
    )


class TwoStageOptions(UpscalerOptions):
    """An interpolator and a super-resolver, one after the other."""

    order: Literal["interpolation-first", "super-resolution-first"] = Field(
        default="interpolation-first", description="the paper interpolates first"
    )


class StageOptions(Model):
    """A stage without knobs."""


class FlowInterpolationOptions(StageOptions):
    """Interpolation by warping both neighbours along scaled optical flow."""

    consistency_px: float = Field(
        default=1.0,
        gt=0,
        description="forward-backward disagreement in LR pixels at which visibility has fallen to 1/e",
    )


class ABMEStageOptions(StageOptions):
    """How frames are resized for the motions."""

    resize: Literal["bicubic", "bilinear"] = Field(
        default="bicubic", description="as the authors' demonstration does it | as their evaluation does"
    )


class BMBCStageOptions(StageOptions):
    """How positions in frames are read."""

    positions: Literal["areas", "corners"] = Field(
        default="areas",
        description="as PyTorch from 1.3 on reads them, half a pixel off | aligned corners",
    )


class SSRStageOptions(SSROptions, StageOptions):
    """S-SR by itself: its sizes."""


class RCANStageOptions(StageOptions):
    """The network's sizes; the defaults are the release's, 15.6M parameters."""

    channels: int = Field(default=64, ge=1, description="of all features")
    groups: int = Field(default=10, ge=1, description="residual groups")
    blocks: int = Field(default=20, ge=1, description="residual blocks in each group")
    reduction: int = Field(default=16, ge=1, description="of channels inside of the attention")

    @model_validator(mode="after")
    def _leaves_a_channel(self) -> Self:
        if self.reduction > self.channels:
            raise ValueError("reduction should leave a channel: at most `channels`")
        return self


class EDVRStageOptions(EDVROptions, StageOptions):
    """The network's options."""


class RBPNStageOptions(StageOptions):
    """The network's sizes, 12.8M parameters by default as in the release, and where its flow comes from."""

    flow_estimator: Literal["variational", "farneback", "spynet"] = Field(
        default="variational",
        description="optical flow of the LR frames; the weights were made with the first",
    )
    channels: int = Field(default=64, ge=1, description="of HR features; LR ones have four times as many")
    residual_blocks: int = Field(default=5, ge=1, description="in each stage")
    super_resolution_stages: int = Field(default=3, ge=1, description="up units of the single frame's features")


class TTVSRStageOptions(StageOptions):
    """How long clips are cut for a network that sees both directions of time."""

    segment: int = Field(default=50, ge=2, description="most frames that it sees at once; more need more memory")
    overlap: int = Field(
        default=5, ge=0, description="frames at each inner end of a segment that it sees, and another segment gives"
    )

    @model_validator(mode="after")
    def _segments_give_frames(self) -> Self:
        if self.segment <= 2 * self.overlap:
            raise ValueError("segment must be more than twice the overlap, or nothing is left of a segment")
        return self


class SepConvStageOptions(StageOptions):
    """How frames are padded."""

    padding: Literal["improved", "paper"] = Field(
        default="improved", description="the authors' today; the paper's adds 25 pixels at every side first"
    )


class ZoomingSlowMoMethodOptions(ZoomingSlowMoOptions, UpscalerOptions):
    """The network's options."""


class TMNetMethodOptions(TMNetOptions, UpscalerOptions):
    """The network's options."""


class RSTTMethodOptions(RSTTOptions, UpscalerOptions):
    """The network's options, and its window."""

    window: int | None = Field(default=4, ge=4, le=4, description="input frames that the network takes: four")


class VideoINRMethodOptions(VideoINROptions, UpscalerOptions):
    """The network's options."""


class STINetMethodOptions(STINetOptions, UpscalerOptions):
    """The network's options, and where its flow comes from."""

    flow_estimator: Literal["farneback", "spynet"] = Field(
        default="farneback", description="optical flow of the LR frames"
    )
    flow_grey: Literal["rgb", "release"] = Field(
        default="rgb", description="grey of the frames that Farneback's flow sees; the release exchanges red and blue"
    )

    @model_validator(mode="after")
    def _spynet_sees_colours(self) -> Self:
        if self.flow_estimator == "spynet" and self.flow_grey != "rgb":
            raise ValueError('flow_grey belongs to flow_estimator = "farneback": SPyNet sees colours')
        return self

    @property
    def flow_settings(self) -> dict[str, str]:
        """What the estimator is built with."""
        return {"grey": self.flow_grey} if self.flow_estimator == "farneback" else {}


class STARnetMethodOptions(STARnetOptions, UpscalerOptions):
    """The network's options, and where its flow comes from."""

    flow_estimator: Literal["variational", "farneback", "spynet"] = Field(
        default="variational",
        description="optical flow of the LR frames; the weights were made with the first",
    )


class DAVSRMethodOptions(DAVSROptions, UpscalerOptions):
    """The network's options."""
