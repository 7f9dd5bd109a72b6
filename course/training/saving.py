"""When a run's checkpoints are written, and how it takes one up again."""

from course.training import checkpoints, processes, seeds, snapshots


class Saving:
    """The checkpoints of one run; with `path=None` nothing is written.

    Args:
        every: steps between two checkpoints; the run's last state is always written.
    """

    def __init__(self, run, path, every, resume, configuration):
        self.run, self.path, self.every, self.configuration = run, path, every, configuration
        self.saved = 0  # the step of the newest checkpoint
        self.ours = False  # whether the file at `path` is this run's
        self.before = None  # the generators' states at the start of what is under way
        if path is not None:
            self._take_up(resume)

    def _take_up(self, resume):
        state, messages = None, []
        if resume:
            state, messages = processes.from_first(self.run.accelerator, lambda: checkpoints.read(self.path))
        if state is not None:
            snapshots.refuse_other(self.path, state["configuration"], self.configuration)
            snapshots.restore(self.run, state)
            self.saved, self.ours = self.run.step, True
            messages.append(f"Resumed from {self.path} after step {self.run.step}.")
        elif resume:
            messages.append(f"There is no checkpoint {self.path} yet: the run starts from the beginning.")
        elif self.path.exists():
            messages.append(
                f"{self.path} is of an earlier run and will be replaced (resume=True would go on with it)."
            )
        if self.run.process == 0:
            for message in messages:
                print(message)

    def mark(self):
        """Something begins that draws random numbers and may be interrupted."""
        if self.path is not None:
            self.before = self.run.draws.get_state(), seeds.global_state(self.run.device)

    def unmark(self):
        """It came to its end."""
        self.before = None

    def changed(self):
        """The state is no longer that of the newest checkpoint, though the step is."""
        self.saved = None

    def save_if_due(self, last):
        """Write a checkpoint if this step is one for it; `last` is the step that ends the run."""
        step = self.run.step
        if self.path is not None and step != self.saved and (step == last or step % self.every == 0):
            self.save()

    def save(self):
        """Write a checkpoint of the run as it stands between two steps. All processes take part."""
        run = self.run
        run.flush()
        if run.processes > 1:
            processes.average_buffers(run.accelerator, run.models)
        state = snapshots.take(run, self.configuration)
        processes.from_first(run.accelerator, lambda: checkpoints.write(self.path, state, keep=self.ours))
        self.saved, self.ours = run.step, True

    def save_interrupted(self):
        """Write one as of the end of the last whole step; returns whether that was possible."""
        if self.path is None or self.run.changing:
            return False
        if self.before is not None:
            draws, global_state = self.before
            self.run.draws.set_state(draws)
            seeds.set_global_state(global_state, self.run.device)
        self.save()
        return True
