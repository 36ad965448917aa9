"""From a network to clip in, clip out: windows, flows, composition, weights, precision, device.

Importing this package loads no torch. For your own upscaler:

    from harness.upscalers.base import Upscaler
    from harness.upscalers.registry import register
"""
