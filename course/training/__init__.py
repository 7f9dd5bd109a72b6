"""The training loop that chapters hand a model to.

`fit` trains one model with one optimiser. `Run` is the piece under it, for loops of another form (several
models, several optimisers): it places, draws, updates, records, averages, saves and resumes.
"""

from course.training.batches import order
from course.training.checkpoints import CheckpointError
from course.training.devices import choose_device, choose_precision
from course.training.history import History, NonFiniteLoss
from course.training.loop import Run, fit, predict
