"""Many trainings planned together: which they are, how far each is, how long they take, and who runs them.

A cell is one row under one seed. Cells with the same training share it; a `Job` is that training and its scoring, as
commands of the public program. Where a job stands is read from what lies on disk, every time; nothing else is kept.
"""
