"""Layers that several systems share. A network's folder imports from here, and nothing here knows a network.

`convolutions` the 3x3 layers, `precision` float32 inside of autocast, `deformable` deformable convolution that reads
its own offsets, `pyramid` three sizes of features and their alignment, `conv_lstm` the recurrence that aligns its
state, `key_map` the authors' names of all these, `renaming` how such tables are used.
"""
