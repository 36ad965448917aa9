"""The `[training]` table of a method card, typed: what changes the weights, but no layer. No torch."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from harness.cards.base import Model
from harness.cards.library import validate
from harness.cards.method import MethodCard


class TrainingOptions(Model):
    """Losses and initialisation. The defaults are plain: L2 alone; STINet's card asks for Eq. 4."""

    reconstruction: Literal["l2", "charbonnier"] = Field(default="l2", description="penalty of the pixels")
    lambda_per: float = Field(default=0.0, ge=0, description="weight of the perceptual loss, lambda_1 of Eq. 4")
    lambda_mcl: float = Field(default=0.0, ge=0, description="weight of the motion loss, lambda_2 of Eq. 4")
    mcl_absolute: Literal["all-l2", "adjacent-l2", "all-l1", "none"] = Field(default="all-l2", description="Eq. 2")
    mcl_relative: Literal["hinge", "exact", "none"] = Field(default="hinge", description="Eq. 3")
    mcl_flow: Literal["farneback", "spynet", "detached"] = Field(
        default="farneback",
        description="flow of the motion loss; spynet wants weights; detached has no gradient, as in the release",
    )
    ssr: Literal["frozen", "finetune"] = Field(default="frozen", description="whether STINet's S-SR learns")
    offset_init: Literal["zero", "kaiming"] = Field(
        default="zero", description="whether STINet's deformable sampling starts where it stands"
    )


def training_options(card: MethodCard) -> TrainingOptions:
    """The options of a resolved card. Raises CardError for an unknown key or value."""
    table: Mapping[str, object] = card.training
    return validate(TrainingOptions, table, origin=f"[training] of '{card.name}'")
