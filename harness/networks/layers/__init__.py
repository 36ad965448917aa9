"""Layers that several systems share. A network's folder imports from here, and nothing here knows a network.

`convolutions` the 3x3 layers, `deformable` deformable convolution that reads its own offsets, `pyramid` three sizes
of features and their alignment, `interpolation` features between frames, `conv_lstm` the recurrence that aligns its
state, `reconstruction` residual blocks and the layers that make pictures, `sequences` maps in the order of time,
`imagenet` units of frames, `start` first weights, `key_map` the authors' names of these, `renaming` how such tables
are used.
"""
