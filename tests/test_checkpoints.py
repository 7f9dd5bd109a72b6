"""A run killed, interrupted or damaged at any moment goes on as if nothing had happened."""

import dataclasses
import functools
import os
import random
import signal
import time

import pytest
import torch

from course import training
from course.training import checkpoints
from course.training.checkpoints import CheckpointError
from tests.conftest import torch_threads
from tests.helpers.damage import flips
from tests.helpers.kills import killed
from tests.helpers.same import assert_same
from tests.helpers.trainings import restless_fit

pytestmark = pytest.mark.usefixtures("one_thread")


def read(path):
    """The state that a resuming run would go on from."""
    return checkpoints.read(path)[0]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The checkpoint, the model and the history of a run that nothing disturbed."""
    path = tmp_path_factory.mktemp("unbroken") / "run.ckpt"
    with torch_threads(1):
        model, history = restless_fit(path)
    return read(path), model.state_dict(), history


def assert_unbroken(path, unbroken, model, history):
    state, weights, expected = unbroken
    assert_same(read(path), state)
    assert_same(model.state_dict(), weights)
    assert_same(dataclasses.asdict(history), dataclasses.asdict(expected))


# Killed


def test_killed_in_steps_and_in_writes(tmp_path, unbroken):
    """`make soak` kills every chapter's trainings."""
    path, chance = tmp_path / "run.ckpt", random.Random(0)
    for _ in range(6):
        moment = chance.randint(9, 30)  # about half of them are calls within a write
        assert killed(lambda tick: restless_fit(path, resume=True, on_step=tick), tmp_path, moment)
    assert read(path)["step"] > 0
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))
    assert not list(tmp_path.glob("*.damaged"))


def test_a_kill_at_any_moment_of_a_write_leaves_a_whole_checkpoint(tmp_path):
    def write(tick):
        checkpoints.write(path, {"value": 3})

    size = 300  # of bytes that fit the disk: less than a checkpoint has
    for moment in range(20):
        path = tmp_path / str(moment) / "run.ckpt"
        for value in (1, 2):
            checkpoints.write(path, {"value": value})
        ended = not killed(write, tmp_path, moment) if moment else not killed(write, tmp_path, file_size=size)
        state, messages = checkpoints.read(path)
        assert state["value"] in ((3,) if ended else (2, 3)) and messages == []
        checkpoints.write(path, {"value": 4})  # the next run writes over what the killed one left
        assert checkpoints.read(path) == ({"value": 4}, [])
        if ended:
            break
    assert moment > 3, "there are calls for a new file, and for another name of each"


@pytest.mark.parametrize("max_steps", [1, 61, 108])
def test_stopped_and_resumed(tmp_path, unbroken, capsys, max_steps):
    """After 108 steps it is finished: then nothing is left to do."""
    path = tmp_path / "run.ckpt"
    _, history = restless_fit(path, max_steps=max_steps)
    assert len(history.losses) == max_steps
    assert history.losses == unbroken[2].losses[:max_steps]
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))
    assert capsys.readouterr().out == f"Resumed from {path} after step {max_steps}.\n"


def test_resume_without_a_checkpoint_starts_and_says_so(tmp_path, capsys):
    path = tmp_path / "folder" / "run.ckpt"
    restless_fit(path, resume=True, max_steps=1)
    message = f"There is no checkpoint {path} yet: the run starts from the beginning.\n"
    assert capsys.readouterr().out == message and read(path)["step"] == 1


# Interrupted


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, as in a notebook; a test run in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "training left its own handler"
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("how", ["signal", "raised"])
def test_interrupt_in_a_step(tmp_path, unbroken, ctrl_c, how):
    path, steps = tmp_path / "run.ckpt", iter(range(1000))

    def interrupt():
        if next(steps) == 33:
            if how == "raised":
                raise KeyboardInterrupt
            ctrl_c()

    _, history = restless_fit(path, on_step=interrupt)
    assert history.interrupted
    # A signal lets the step end; an exception takes its step back: draws and carried state too.
    assert len(history.losses) == len(history.logged["carry"]) == (34 if how == "signal" else 33)
    assert read(path)["step"] == len(history.losses)
    resumed = restless_fit(path, resume=True)
    assert resumed[1].losses == unbroken[2].losses and resumed[1].logged == unbroken[2].logged
    if how == "signal":  # batch norm saw the batch of a step taken back twice
        assert_unbroken(path, unbroken, *resumed)


def test_interrupt_in_evaluation(tmp_path, unbroken, ctrl_c):
    path, calls = tmp_path / "run.ckpt", iter(range(100))

    def evaluate(model):
        noise = torch.rand(()).item()
        if next(calls) == 2:
            ctrl_c()
            time.sleep(5)
            pytest.fail("the evaluation was not interrupted")
        return {"noise": noise}

    _, history = restless_fit(path, evaluate=evaluate)
    assert history.interrupted and len(history.epochs) == 2 and len(history.losses) == 36
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))


def test_interrupt_within_an_update_saves_nothing_half_done(tmp_path):
    class Torn(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            raise KeyboardInterrupt

    model = torch.nn.Linear(3, 1)
    history = fit(tmp_path / "run.ckpt", model, Torn(model.parameters(), lr=0.1))
    assert history.interrupted and history.losses == []
    assert not list(tmp_path.iterdir())


# Damaged


def damage(path):
    """Flip one bit of a file's first byte."""
    path.write_bytes(next(flips(path.read_bytes(), 2, random.Random(0))))


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, capsys):
    path = tmp_path / "run.ckpt"
    expected = restless_fit(path, max_steps=22)
    damage(path)
    model, history = restless_fit(path, resume=True, max_steps=22)
    first, second = capsys.readouterr().out.splitlines()
    assert f"The checkpoint {path} is damaged" in first and "the one before is used" in first
    assert second == f"Resumed from {path} after step 20."
    assert (tmp_path / "run.ckpt.damaged").exists()
    assert_same(model.state_dict(), expected[0].state_dict())
    assert history.losses == expected[1].losses


def test_every_flipped_bit_and_every_length_is_noticed(tmp_path):
    path, chance = tmp_path / "small.ckpt", random.Random(0)
    checkpoints.write(path, {"x": torch.arange(3)})
    content = path.read_bytes()
    lengths = [*range(90), *(chance.randrange(len(content)) for _ in range(50))]  # the head's, and others
    spoilt = [*flips(content, 150, chance), *(content[:length] for length in lengths), content + b"\0"]
    for i, damaged in enumerate(spoilt):
        path = tmp_path / f"{i}.ckpt"
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="No good checkpoint is left at .* without resume=True"):
            checkpoints.read(path)
        assert path.with_name(f"{i}.ckpt.damaged").read_bytes() == damaged, "a file must never be lost"


def test_a_damaged_file_never_takes_the_place_of_a_good_one(tmp_path):
    path = tmp_path / "run.ckpt"
    for value in (1, 2):
        checkpoints.write(path, value)
    damage(path)
    assert read(path) == 1
    checkpoints.write(path, 3)
    damage(path)
    assert read(path) == 1


def test_no_code_is_unpickled(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    checkpoints.write(checkpoints.previous(tmp_path / "harm.ckpt"), {"x": 1})
    checkpoints.write(tmp_path / "harm.ckpt", {"x": Harm()})
    state, (message,) = checkpoints.read(tmp_path / "harm.ckpt")
    assert "harm.ckpt holds something other than weights" in message and state == {"x": 1}
    assert not (tmp_path / "harm").exists()


# Of another run


def test_a_new_run_replaces_an_older_ones_checkpoints(tmp_path, capsys):
    path = tmp_path / "run.ckpt"
    restless_fit(path, max_steps=20)
    capsys.readouterr()
    restless_fit(path, seed=4, max_steps=3)
    assert "of an earlier run and will be replaced" in capsys.readouterr().out
    assert read(path)["step"] == 3
    assert not checkpoints.previous(path).exists()


def test_another_configuration_is_refused_by_name(tmp_path):
    path = tmp_path / "run.ckpt"
    restless_fit(path, max_steps=6)
    before = path.read_bytes()
    for named, changes in {
        "seed: 3 in the checkpoint, 4 now": {"seed": 4},
        "epochs: 9 in the checkpoint, 8 now": {"epochs": 8},
        "batch_size: 8 in the checkpoint, 16 now": {"batch_size": 16},
        "schedule: one-cycle in the checkpoint, cosine now": {"schedule": "cosine"},
        "clip: 0.5 in the checkpoint, None now": {"clip": None},
        r"average: \[0.9\] in the checkpoint, \[None\] now": {"average": None},
        "shuffle: True in the checkpoint, False now": {"shuffle": False},
        "precision: float32 in the checkpoint, bf16 now": {"precision": "bf16"},
    }.items():
        with pytest.raises(CheckpointError, match=named):
            restless_fit(path, resume=True, **changes)
    assert path.read_bytes() == before


def test_a_function_made_again_is_the_same_configuration(tmp_path, capsys):
    """Though the object of the killed run had another address."""
    for steps in (6, 7):
        fall = functools.partial(lambda step, total, power: (1 - step / total) ** power, power=2)
        _, history = restless_fit(tmp_path / "run.ckpt", resume=True, schedule=fall, max_steps=steps)
    assert len(history.losses) == 7 and "after step 6" in capsys.readouterr().out


def fit(path, model=None, optimizer=None, x=None, **changes):
    """A tiny fit with a checkpoint."""
    model = model or torch.nn.Linear(3, 1)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.arange(12.0).view(4, 3) if x is None else x
    return training.fit(
        model, lambda m, b, run: m(b[0]).square().mean() * 1e-3, (x,), optimizer=optimizer, epochs=1,
        batch_size=2, checkpoint=path, device="cpu", show=False, **changes,
    )  # fmt: skip


def test_another_model_optimiser_or_data_are_refused_by_name_and_nothing_is_changed(tmp_path):
    path, model = tmp_path / "run.ckpt", torch.nn.Linear(3, 1)
    fit(path)
    before = model.weight.detach().clone()
    sgd, adam = torch.optim.SGD(model.parameters(), lr=0.2), torch.optim.Adam(model.parameters())
    for match, how in {
        r"model 0, weight: \(1, 3\) float32 in .*, \(2, 3\) float32 now": {"model": torch.nn.Linear(3, 2)},
        "optimizer 0: SGD in the checkpoint, Adam now": {"model": model, "optimizer": adam},
        "0, lr: 0.1 in the checkpoint, 0.2 now": {"model": model, "optimizer": sgd, "schedule": "one-cycle"},
        r"data: \(4, 3\) float32, sha256": {"x": torch.arange(12.0).view(4, 3) + 1e-3},
    }.items():
        with pytest.raises(CheckpointError, match=match):
            fit(path, resume=True, **how)
    assert torch.equal(model.weight, before)
    assert sgd.param_groups[0]["lr"] == 0.2 and "max_lr" not in sgd.param_groups[0]
    fit(path, resume=True)


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(CheckpointError, match="is a folder: name a file in it"):
        fit(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        fit(tmp_path / "file" / "run.ckpt")
    with pytest.raises(ValueError, match="need checkpoint="):
        fit(None, resume=True)
