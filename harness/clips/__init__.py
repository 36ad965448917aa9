"""Where frames come from: readers, layouts on disk, LR frames, windows, procedural clips, streaming.

`benchmark` opens a dataset, `windows` plans which frames an upscaler is given, `stream` hands them over;
`check` and `prepare` are what `harness data` does. Only `tensors`, `degradation`, `prepare`,
`extract` and `stream` import torch.
"""
