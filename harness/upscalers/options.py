"""The options of the built-in upscalers, typed. No torch: cards are validated before anything heavy loads."""

from typing import Literal, Self

from pydantic import Field, model_validator

from harness.cards.base import Model
from harness.networks.davsr.options import DAVSROptions
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
