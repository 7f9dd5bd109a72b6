"""A training run: the loop's moving parts, for loops of any form."""

import math
import time
from contextlib import ExitStack, nullcontext

import torch

from course.training import checkpoints, checks, devices, processes, schedules, seeds, snapshots
from course.training.average import Average
from course.training.batches import Batches
from course.training.draws import Draws
from course.training.history import History, NonFiniteLoss
from course.training.interrupts import Interrupts
from course.training.modes import evaluating
from course.training.progress import Progress
from course.training.saving import Saving


class Run(Draws):
    """A run of one or more models and their optimisers. `fit` is this, for one of each:

        run = Run(model, optimizer)
        for x, y in run.batches((x_train, y_train), epochs=5):
            with run.autocast():
                loss = F.cross_entropy(model(x), y)
            run.update(optimizer, loss)

    Args:
        models, optimizers: one, or a list of them; the models are moved to the device in place.
        average: decay of the moving average of the weights; for several models a list, with None.
        The others: as for `fit`.

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
        precision=None, checkpoint=None, checkpoint_every=None, resume=False, max_steps=None, progress=True,
    ):  # fmt: skip
        self.models, self.optimizers = _several(models), _several(optimizers)
        averages = average if isinstance(average, (list, tuple)) else [average] * len(self.models)
        checks.settings(seed, clip, averages, checkpoint, checkpoint_every, resume, max_steps)
        checks.parameters(self.models, self.optimizers)
        schedules.check(schedule)
        dtype = checks.models_dtype(self.models)
        device = devices.choose_device(device, dtype)
        self.precision = devices.choose_precision(device, precision, dtype)
        self.accelerator = devices.connect(device, self.precision)
        super().__init__(
            seed,
            self.accelerator.device,
            dtype,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        self.seed, self.schedule, self.clip, self.max_steps = seed, schedule, clip, max_steps
        self.averages = [decay and Average(m, decay) for m, decay in zip(self.models, averages, strict=True)]
        self.progress = progress and self.process == 0
        self.history, self.carry, self.step, self.epoch = History(), None, 0, 0
        self.changing = False  # an update of the step under way has begun to change the weights
        self._checkpoint = (checkpoint and checkpoints.path_of(checkpoint), checkpoint_every, resume)
        self._logs, self._step_logs, self._step_loss, self._updated = {}, [], None, set()
        self._begun = False

    def batches(self, data, *, epochs, batch_size=64, steps_per_epoch=None, shuffle=True, evaluate=None):
        """The batches of the whole run, each a tuple of tensors on the device; arguments as for `fit`.

        The body of the loop calls `update`. Between two batches this generator records, averages the weights,
        moves the schedules on, evaluates (`evaluate(*models)`) and saves. Ctrl-C ends the loop after the step
        under way. When it is over, the models hold their averaged weights, and the optimisers' settings and
        torch's own generators are as the caller left them.
        """
        if self._begun:
            raise RuntimeError("A Run gives its batches once: make a new Run for another round.")
        checks.whole(epochs=epochs)
        self._begun = True
        plan = Batches(self, data, batch_size, shuffle, steps_per_epoch)
        with ExitStack() as stack:
            stack.enter_context(seeds.own_stream(self.device, self.seed, seeds.GLOBAL, self.process))
            stack.enter_context(schedules.settings_restored(self.optimizers))
            self._begin(plan, epochs)
            stack.callback(self._end)
            line = None
            bar = Progress(self.step, self._last, self.progress)
            stack.callback(lambda: bar.close(line))
            interrupts = Interrupts()
            stack.callback(interrupts.close)
            try:
                yield from self._steps(plan, evaluate, interrupts, bar)
                self.flush()
                line = self.history.summary()
            except KeyboardInterrupt:
                line = self._interrupted()

    def update(self, optimizer, loss, retain_graph=False):
        """Backward from `loss` (a scalar tensor), clip, one step of `optimizer`; returns the loss as a float.

        Where the run has several optimisers, only the parameters of this one get a gradient.

        Raises:
            NonFiniteLoss: if the loss, or under `clip` the gradient's norm, is nan or infinite.
        """
        checks.loss(loss)
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        optimizer.zero_grad()
        loss.backward(inputs=parameters if len(self.optimizers) > 1 else None, retain_graph=retain_graph)
        value = (
            loss.item()
            if self.processes == 1
            else processes.average_gradients(self.accelerator, parameters, loss)
        )
        self._check_finite("loss", value, optimizer)
        norm = None
        if self.clip is not None:
            norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.clip))
            self._check_finite("gradient's norm", norm, optimizer)
        self.changing = True
        optimizer.step()
        self._updated.add(id(optimizer))
        if self._step_loss is None:
            self._step_loss = value, self.optimizers[0].param_groups[0]["lr"], norm
        return value

    def log(self, **values):
        """Record a number or scalar tensor under each name in `history.logged` (processes: their mean)."""
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                if value.numel() != 1:
                    raise ValueError(
                        f"log({name}=...): a tensor of shape {tuple(value.shape)}, expected one number."
                    )
                value = value.detach()
            self._step_logs.append((name, value))

    def autocast(self):
        """The context in which models and losses are computed: bfloat16 autocast, or nothing."""
        return self.accelerator.autocast() if self.precision == "bf16" else nullcontext()

    def flush(self):
        """Bring `history` up to date: logged tensors become floats."""
        for name, values in self._logs.items():
            numbers = processes.average_numbers(self.accelerator, _numbers(values))
            self.history.logged.setdefault(name, []).extend(numbers)
        self._logs = {}
        self.history.seconds = time.perf_counter() - self._started

    def _begin(self, plan, epochs):
        total = epochs * plan.per_epoch
        self._last = total if self.max_steps is None else min(total, self.max_steps)
        self._place()
        path, every, resume = self._checkpoint
        configuration = snapshots.configuration(self, plan, epochs) if path else None
        self.schedulers = [schedules.build(self.schedule, optimizer, total) for optimizer in self.optimizers]
        self._saving = Saving(self, path, every or plan.per_epoch, resume, configuration)
        for model in self.models:
            model.train()
        self._started = time.perf_counter() - self.history.seconds

    def _place(self):
        """Models on the device and equal in every process, and the optimisers' state with them."""
        for model in self.models:
            model.to(self.device)
        processes.same_everywhere(self.models)
        for optimizer in self.optimizers:
            if optimizer.state:
                optimizer.load_state_dict(optimizer.state_dict())

    def _steps(self, plan, evaluate, interrupts, bar):
        while True:
            self.epoch = self.step // plan.per_epoch
            if len(self.history.epochs) < self.epoch:
                self._finish_epoch(plan.per_epoch, evaluate, interrupts)
            self._saving.save_if_due(self._last)
            interrupts.check()
            if self.step >= self._last:
                return
            if self.step % plan.per_epoch == 0:
                self.carry = None
            self._saving.mark()
            yield plan.batch(self.step)
            self._finish_step()
            bar.advance(self.history.losses)

    def _finish_step(self):
        for average in filter(None, self.averages):
            average.update()
        for optimizer, scheduler in zip(self.optimizers, self.schedulers, strict=True):
            # torch warns of a schedule that moves before its optimiser's first update.
            if id(optimizer) in self._updated or scheduler.last_epoch:
                scheduler.step()
        for name, value in self._step_logs:
            self._logs.setdefault(name, []).append(value)
        if self._step_loss is not None:
            loss, lr, norm = self._step_loss
            self.history.losses.append(loss)
            self.history.lrs.append(float(lr))
            if norm is not None:
                self.history.grad_norms.append(norm)
        self._step_logs, self._step_loss, self.changing = [], None, False
        self._saving.unmark()
        self.step += 1

    def _finish_epoch(self, per_epoch, evaluate, interrupts):
        self._saving.mark()
        losses = self.history.losses[-per_epoch:]
        row = {"epoch": self.epoch} | ({"loss": math.fsum(losses) / len(losses)} if losses else {})
        if evaluate:
            if self.processes > 1:
                processes.average_buffers(self.accelerator, self.models)
            with ExitStack() as stack:
                stack.enter_context(interrupts.at_once())
                for average in filter(None, self.averages):
                    stack.enter_context(average.in_model())
                stack.enter_context(evaluating(*self.models))
                found = evaluate(*self.models)
            checks.evaluation(found)
            row |= {name: float(value) for name, value in found.items()}
        self.history.epochs.append(row)
        self._saving.unmark()
        self._saving.changed()

    def _check_finite(self, what, value, optimizer):
        if not math.isfinite(value):
            self.flush()
            lrs = [group["lr"] for group in optimizer.param_groups]
            raise NonFiniteLoss(what, value, self.epoch + 1, self.step + 1, lrs, self.history)

    def _interrupted(self):
        self.history.interrupted = True
        if self.processes > 1:
            raise KeyboardInterrupt  # other processes may be a step further, and saving together would hang
        path = self._checkpoint[0]
        saved = self._saving.save_interrupted()
        self.flush()
        line = f"Interrupted after {self.history.summary()}."
        return f"{line} resume=True goes on from {path}." if saved else line

    def _end(self):
        for average in filter(None, self.averages):
            average.put_into_model()
        if self.processes == 1:  # others may not be here: a flush together would hang
            self.flush()


def _several(one_or_more):
    return tuple(one_or_more) if isinstance(one_or_more, (list, tuple)) else (one_or_more,)


def _numbers(values):
    if all(isinstance(value, torch.Tensor) for value in values):
        return torch.stack([value.reshape(()) for value in values]).tolist()
    return [float(value) for value in values]
