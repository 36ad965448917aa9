"""Procedural clips: photographs moved by a simulated camera, with exact motion. No download, no torch.

`demo_dataset_specs` names the scenes of the embedded datasets, `ProceduralFrames` reads one as a clip, `render` gives
a frame at any time, `flow` and `visibility` the truth about its motion.
"""

from harness.clips.procedural.demo import Speed, demo_clip_specs, demo_dataset_specs, demo_mix_specs
from harness.clips.procedural.frames import ProceduralFrames
from harness.clips.procedural.renderer import Rendered, render
from harness.clips.procedural.scene import SceneSpec
from harness.clips.procedural.truth import flow, visibility

__all__ = [
    "ProceduralFrames",
    "Rendered",
    "SceneSpec",
    "Speed",
    "demo_clip_specs",
    "demo_dataset_specs",
    "demo_mix_specs",
    "flow",
    "render",
    "visibility",
]
