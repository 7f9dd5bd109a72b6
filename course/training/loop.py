"""The training loop: `fit` for one model and one optimiser, and `Run` for loops of any form."""

import math
import time
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path

import torch

from course.training import checkpoints, devices, draws, processes, schedules
from course.training.average import Average
from course.training.batches import Batches, check_whole
from course.training.frames import Frames
from course.training.history import History, NonFiniteLoss
from course.training.interrupts import Interrupts


def fit(
    model, loss_fn, data, *, optimizer, epochs, batch_size=64, steps_per_epoch=None, shuffle=True,
    evaluate=None, **settings,
):  # fmt: skip
    """Train a model, and return the History of it.

    Args:
        model: an nn.Module; it is moved to the device, and left there in train mode.
        loss_fn: (model, batch, run) -> scalar tensor, the mean over the examples of `batch`, which is a tuple
            of tensors on the device. It draws from `run` (the Run under way): `run.normal(len(x), 16)`,
            `run.uniform`, `run.integers`; `run.carry` keeps a hidden state, `run.log(kl=...)` records.
        data: a tuple of tensors of equal length, one row an example, or a function (run, batch_size) -> tuple
            with `steps_per_epoch`. An incomplete last batch is dropped; data smaller than a batch are one.
        optimizer: built from model.parameters(); its settings are the caller's again at the end.
        epochs, batch_size: whole numbers; batch_size is that of all processes together.
        shuffle: False keeps the order of the rows.
        evaluate: model -> dict of numbers, called after each epoch in eval mode without gradients, with the
            model on the device (`predict` minds that).
        settings: seed, schedule, clip, average, device, precision, checkpoint, checkpoint_every, resume,
            max_steps, show, picture: as for `Run`.

    Raises:
        NonFiniteLoss: as soon as the loss is nan or infinite; before that update.
        CheckpointError: if the checkpoint is of another configuration, or none that is there is good.
        ValueError, TypeError: for arguments that cannot be meant.
    """
    run = Run(model, optimizer, **settings)
    batches = run.batches(
        data, epochs=epochs, batch_size=batch_size, steps_per_epoch=steps_per_epoch, shuffle=shuffle,
        evaluate=evaluate,
    )  # fmt: skip
    with closing(batches):  # an error, which holds on to this frame, must not keep the run open
        for batch in batches:
            try:
                with run.autocast():
                    loss = loss_fn(model, batch, run)
                run.update(optimizer, loss)
            except KeyboardInterrupt as interrupt:
                with suppress(StopIteration):
                    batches.throw(interrupt)  # the generator saves, and ends
    return run.history


def predict(model, x, batch_size=500):
    """The model's outputs for all of x: in batches, in eval mode, on the model's device.

    Args:
        x: (N, ...) tensor on any device.
    Returns:
        (N, ...) tensor on the CPU; each module's train or eval mode is as before.
    """
    device = next(model.parameters()).device
    with _evaluating([model]):
        return torch.cat([model(part.to(device)).cpu() for part in x.split(batch_size)])


class Run(draws.Draws):
    """A run of one or more models and their optimisers. `fit` is this, for one of each:

        run = Run(model, optimizer)
        for x, y in run.batches((x_train, y_train), epochs=5):
            with run.autocast():
                loss = F.cross_entropy(model(x), y)
            run.update(optimizer, loss)

    Args:
        models, optimizers: one, or a list of them; the models are moved to the device in place.
        seed: of the order of the examples, of the run's draws, and of torch's own generators during the run.
        schedule: "constant", "cosine", "one-cycle" (its peak is the optimiser's lr), or a function
            (step, total) -> factor of the learning rate.
        clip: largest global norm of the gradient; the norm before clipping is recorded.
        average: decay of a moving average of the weights: `evaluate` sees it, the model holds it at the end;
            for several models a list, with None.
        device: "cpu", "cuda", "mps"; None takes COURSE_DEVICE, else the best there is.
        precision: "float32" or "bf16" (autocast); None chooses by the device.
        checkpoint: a file to save the whole run in, each `checkpoint_every` steps (default: each epoch).
        resume: go on from that file, with a result as if the run had never stopped.
        max_steps: stop after so many steps (of the whole run), the schedule being that of all epochs.
        show: False draws no loss and prints no summary.
        picture: models -> samples to draw beside the loss, (n, 2) points or (n, [1,] H, W) images. It is
            called between two steps, as `evaluate` is, and what it draws at random is taken back.

    Attributes:
        step, epoch: the step under way, counted over the whole run, and its epoch; both from 0.
        device, dtype: where the models are, and the dtype of their weights and of the draws.
        carry: state that goes from batch to batch (detached tensors, nested in tuples, or None). It is None
            at each epoch's start, and is saved in checkpoints.
        history: the History so far.
        process, processes: this process's number, and how many share the work.
    """

    def __init__(
        self, models, optimizers, *, seed=0, schedule="constant", clip=None, average=None, device=None,
        precision=None, checkpoint=None, checkpoint_every=None, resume=False, max_steps=None, show=True,
        picture=None,
    ):  # fmt: skip
        self.models, self.optimizers = _several(models), _several(optimizers)
        decays = average if isinstance(average, (list, tuple)) else [average] * len(self.models)
        self._path = checkpoint and Path(checkpoint)
        _check_settings(seed, clip, decays, self._path, checkpoint_every, resume, max_steps)
        _check_parameters(self.models, self.optimizers)
        weights = (p for model in self.models for p in model.parameters() if p.is_floating_point())
        dtype = next((weight.dtype for weight in weights), torch.get_default_dtype())
        device = devices.choose_device(device, dtype)
        self.precision = devices.choose_precision(device, precision, dtype)
        device, process, count = processes.join(device)
        super().__init__(seed, device, dtype, process, count)
        self.seed, self.schedule, self.clip, self.max_steps = seed, schedule, clip, max_steps
        self.averages = [Average(model, decay) for model, decay in zip(self.models, decays, strict=True)]
        self.show, self.picture = show and self.process == 0, picture
        self.history, self.carry, self.step, self.epoch = History(), None, 0, 0
        self._every, self._resume = checkpoint_every, resume
        self._logs, self._first_update, self._updated = [], {}, set()
        self._way_back, self._frames = None, None

    def batches(self, data, *, epochs, batch_size=64, steps_per_epoch=None, shuffle=True, evaluate=None):
        """The batches of the whole run, each a tuple of tensors on the device; arguments as for `fit`.

        The body of the loop calls `update`. Between two batches this generator records, averages the weights,
        moves the schedules on, evaluates (`evaluate(*models)`) and saves. Ctrl-C ends the loop after the step
        under way. When it is over, the models hold their averaged weights, and the optimisers' settings and
        torch's own generators are as the caller left them.
        """
        if self._frames:
            raise RuntimeError("A Run gives its batches once: make a new Run for another round.")
        check_whole(epochs=epochs)
        plan = Batches(self, data, batch_size, shuffle, steps_per_epoch)
        with ExitStack() as stack:
            stack.callback(self.set_random_state, self.random_state())
            torch.manual_seed(draws.derive(self.seed, draws.GLOBAL, self.process))
            stack.enter_context(schedules.settings_restored(self.optimizers))
            self._begin(plan, epochs)
            for average in self.averages:
                stack.callback(average.swap)
            self._frames = Frames(self, self._last, plan.per_epoch, self.picture and self._samples)
            stack.enter_context(self._frames)
            interrupts = stack.enter_context(Interrupts())
            try:
                yield from self._steps(plan, evaluate, interrupts)
                self._frames.line = self.history.summary()
            except KeyboardInterrupt:
                self._frames.line = self._interrupted()

    def update(self, optimizer, loss, retain_graph=False):
        """Backward from `loss` (a scalar tensor), clip, one step of `optimizer`; returns the loss as a float.

        Where the run has several optimisers, only the parameters of this one get a gradient.

        Raises:
            NonFiniteLoss: if the loss, or under `clip` the gradient's norm, is nan or infinite.
        """
        _check_loss(loss)
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        optimizer.zero_grad()
        loss.backward(inputs=parameters if len(self.optimizers) > 1 else None, retain_graph=retain_graph)
        if self.processes > 1:
            value = processes.average_gradients(parameters, loss)
        else:
            value = loss.item()
        self._check_finite("loss", value, optimizer)
        recorded = {"losses": value, "lrs": float(self.optimizers[0].param_groups[0]["lr"])}
        if self.clip is not None:
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.clip))
            self._check_finite("gradient's norm", norm, optimizer)
            recorded["grad_norms"] = norm
        self._way_back = None
        optimizer.step()
        self._updated.add(id(optimizer))
        self._first_update = self._first_update or recorded
        return value

    def log(self, **values):
        """Record a number or scalar tensor under each name in `history.logged` (processes: their mean)."""
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.numel() != 1:
                found = f"a tensor of shape {tuple(value.shape)}"
                raise ValueError(f"log({name}=...): {found}, expected one number.")
            self._logs.append((name, value.detach() if isinstance(value, torch.Tensor) else value))

    def autocast(self):
        """The context in which models and losses are computed: bfloat16 autocast, or nothing."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def _begin(self, plan, epochs):
        """Place the models, build the schedules, and take the run up where its checkpoint left it."""
        total = epochs * plan.per_epoch
        self._last = total if self.max_steps is None else min(total, self.max_steps)
        self._every = self._every or plan.per_epoch
        for model in self.models:
            model.to(self.device).train()
        processes.same_everywhere(self)
        for optimizer in self.optimizers:
            if optimizer.state:  # of an earlier run, perhaps on another device
                optimizer.load_state_dict(optimizer.state_dict())
        if self._path:
            self.configuration = checkpoints.configuration(self, plan, epochs)
        self.schedulers = [schedules.build(self.schedule, optimizer, total) for optimizer in self.optimizers]
        if self._path:
            self._take_up()
        self._started = time.perf_counter() - self.history.seconds

    def _steps(self, plan, evaluate, interrupts):
        """Give the batches. Each round of the loop begins between two steps, where the run stands whole."""
        unsaved = False
        while True:
            self.history.seconds = time.perf_counter() - self._started
            # What a step changes before it changes weights: there `_interrupted` can go back to.
            if self._path:
                self._way_back = self.random_state(), self.carry
            self.epoch = self.step // plan.per_epoch
            if len(self.history.epochs) < self.epoch:
                self._finish_epoch(plan.per_epoch, evaluate, interrupts)
                unsaved = True
                continue
            if unsaved and self._path and (self.step >= self._last or self.step % self._every == 0):
                self._save()
            interrupts.check()
            if self.step >= self._last:
                return
            if self.step % plan.per_epoch == 0:
                self.carry = None
            yield plan.batch(self.step)
            self._finish_step()
            self._frames.advance()
            unsaved = True

    def _finish_step(self):
        self._way_back = None
        for average in self.averages:
            average.update()
        for optimizer, scheduler in zip(self.optimizers, self.schedulers, strict=True):
            # torch warns of a schedule that moves before its optimiser's first update.
            if id(optimizer) in self._updated or scheduler.last_epoch:
                scheduler.step()
        numbers = processes.average_numbers(self, [float(value) for _, value in self._logs])
        for (name, _), number in zip(self._logs, numbers, strict=True):
            self.history.logged.setdefault(name, []).append(number)
        for series, number in self._first_update.items():
            getattr(self.history, series).append(number)
        self._logs, self._first_update = [], {}
        self.step += 1

    def _finish_epoch(self, per_epoch, evaluate, interrupts):
        losses = self.history.losses[-per_epoch:]
        row = {"epoch": self.epoch} | ({"loss": math.fsum(losses) / len(losses)} if losses else {})
        if evaluate:
            processes.average_buffers(self)
            with _evaluating(self.models, self.averages), interrupts.at_once():
                found = evaluate(*self.models)
            if not isinstance(found, dict):
                kind = type(found).__name__
                raise TypeError(f"evaluate returned {kind}: expected a dict, such as {{'accuracy': 0.98}}.")
            row |= {name: float(value) for name, value in found.items()}
        self.history.epochs.append(row)

    def _samples(self):
        """What `picture` makes of the models; random draws go on from where they stood."""
        state = self.random_state()
        with _evaluating(self.models, self.averages):
            found = torch.as_tensor(self.picture(*self.models)).float().cpu()
        self.set_random_state(state)
        return found

    def _check_finite(self, what, value, optimizer):
        if not math.isfinite(value):
            if self._frames:
                self._frames.finish(whole=False)
            lrs = [group["lr"] for group in optimizer.param_groups]
            raise NonFiniteLoss(what, value, self.epoch + 1, self.step + 1, lrs, self.history)

    def _save(self):
        """Write a checkpoint: the run as it stands between two steps. All processes take part."""
        processes.average_buffers(self)
        state = checkpoints.take(self)
        processes.from_first(self, lambda: checkpoints.write(self._path, state, keep=self._ours))
        self._ours = True

    def _take_up(self):
        """Go on from the checkpoint where that is asked for, and say so."""
        state, messages = None, []
        if self._resume:
            state, messages = processes.from_first(self, lambda: checkpoints.read(self._path))
        if state:
            checkpoints.refuse_other(self._path, state["configuration"], self.configuration)
            checkpoints.restore(self, state)
            messages.append(f"Resumed from {self._path} after step {self.step}.")
        elif self._resume:
            messages.append(f"There is no checkpoint {self._path} yet: the run starts from the beginning.")
        elif self._path.exists():
            messages.append(
                f"{self._path} is of an earlier run and will be replaced (resume=True would go on with it)."
            )
        self._ours = state is not None  # the file that stands there is of this run
        if self.process == 0 and messages:
            print(*messages, sep="\n")

    def _interrupted(self):
        """Save the run as of the last whole step, where that can be; returns the line to show.

        Until its first update the step under way has changed nothing but what `_way_back` keeps (and batch
        norm's statistics, which see a batch again). From then on the newest checkpoint stands.
        """
        self.history.interrupted = True
        if self.processes > 1:
            raise KeyboardInterrupt  # other processes may be a step further, and saving together would hang
        line = f"Interrupted after {self.history.summary()}."
        if self._way_back is None:
            return line
        state, self.carry = self._way_back
        self.set_random_state(state)
        self._save()
        return f"{line} resume=True goes on from {self._path}."


@contextmanager
def _evaluating(models, averages=()):
    """Averaged weights, eval mode and no gradients inside the block; after it all is as before.

    (A module that the caller keeps in eval mode, a frozen batch norm, stays in it.)
    """
    modes = [(module, module.training) for model in models for module in model.modules()]
    for average in averages:
        average.swap()
    for model in models:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for average in averages:
            average.swap()
        for module, training in modes:
            module.training = training


def _several(one_or_more):
    return tuple(one_or_more) if isinstance(one_or_more, (list, tuple)) else (one_or_more,)


def _check_settings(seed, clip, averages, path, checkpoint_every, resume, max_steps):
    """One clear error for a setting that cannot be meant."""
    check_whole(0, seed=seed)
    if clip is not None and not clip > 0:
        meant = "the largest norm of the gradient, a number above 0, or None"
        raise ValueError(f"clip={clip!r}: expected {meant}.")
    for decay in averages:
        if decay is not None and not 0 < decay < 1:
            raise ValueError(f"average={decay!r}: expected a decay between 0 and 1, such as 0.99, or None.")
    counts = {"max_steps": max_steps, "checkpoint_every": checkpoint_every}
    check_whole(**{name: count for name, count in counts.items() if count is not None})
    if path is None and (resume or checkpoint_every is not None):
        needed = "checkpoint='some/file.ckpt': where to read and write"
        raise ValueError(f"resume and checkpoint_every need {needed}.")
    if path and path.is_dir():
        cure = "name a file in it, such as 'run.ckpt'"
        raise checkpoints.CheckpointError(f"checkpoint={str(path)!r} is a folder: {cure}.")


def _check_parameters(models, optimizers):
    """The optimisers must hold parameters of these models and of no other."""
    known = {id(parameter) for model in models for parameter in model.parameters()}
    for optimizer in optimizers:
        foreign = sum(id(p) not in known for group in optimizer.param_groups for p in group["params"])
        if foreign:
            raise ValueError(
                f"{foreign} of the parameters of {type(optimizer).__name__} are not the model's: "
                "make the optimiser from this model, optim.AdamW(model.parameters(), lr=1e-3)."
            )


def _check_loss(loss):
    """A loss must be one number that hangs on the weights."""
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        tensor = isinstance(loss, torch.Tensor)
        found = f"a tensor of shape {tuple(loss.shape)}" if tensor else type(loss).__name__
        raise ValueError(f"The loss is {found}: expected a scalar tensor, the mean over the batch.")
    if not loss.requires_grad:
        raise ValueError(
            "The loss does not depend on the weights: was it detached, or computed under torch.no_grad()?"
        )
