"""From options to a network: the one place that knows sizes and which module stands for which option."""

from torch import nn

from harness.networks.layers.convolutions import activated_blocks, activation, conv, down, pointwise, up
from harness.networks.layers.start import start_values
from harness.networks.rbpn import rbpn
from harness.networks.starnet.flow_refinement import FlowRefinement, KeepFlow, flow_unet
from harness.networks.starnet.interpolation import Interpolation
from harness.networks.starnet.network import STARnet
from harness.networks.starnet.options import STARnetOptions
from harness.networks.starnet.pyramid import ThreeSizes
from harness.networks.starnet.refinement import Refinement

SCALE = 4


def build_starnet(options: STARnetOptions | None = None) -> STARnet:
    """An untrained network; the default options make the released one."""
    options = options or STARnetOptions()
    c, blocks = options.channels, options.residual_blocks
    seen = 5 * c  # two L and M
    network = STARnet(
        flow_refinement=FlowRefinement(flow_unet(c)) if options.flow_refinement else KeepFlow(),
        super_resolution=rbpn(neighbours=1, channels=c, blocks=blocks, stages=options.super_resolution_stages),
        motion=nn.Sequential(
            conv(4, 4 * c), activation(), *activated_blocks(4 * c, count=2), conv(4 * c, c), activation()
        ),
        reduce=nn.Sequential(*activated_blocks(c, count=2), down(c, 2 * c)),
        interpolation=Interpolation(
            first=nn.Sequential(*activated_blocks(seen, count=blocks), up(seen, c)),
            hr_correction=nn.Sequential(pointwise(3 * c, c), activation(), ThreeSizes(c), conv(c, c), activation()),
            enlarge_motion=nn.Upsample(scale_factor=SCALE, mode="bilinear", align_corners=True),
            lr_correction=nn.Sequential(*activated_blocks(seen, count=2), conv(seen, 2 * c), activation()),
        ),
        refinement=Refinement(
            forwards=nn.Sequential(*activated_blocks(seen, count=blocks), up(seen, c)),
            backwards=nn.Sequential(*activated_blocks(seen, count=blocks), up(seen, c)),
        ),
        hr_head=conv(c, 3),
        lr_head=conv(2 * c, 3),
    )
    start_values(network)
    return network
