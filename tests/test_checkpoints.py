"""A run killed, interrupted or damaged at any moment goes on as if nothing had happened."""

import dataclasses
import multiprocessing
import os
import random
import signal
import time

import pytest
import torch

from course import training
from course.training import checkpoints
from course.training.checkpoints import CheckpointError
from tests import training_jobs
from tests.training_jobs import restless_fit

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The checkpoint, the model and the history of a run that nothing disturbed."""
    path = tmp_path_factory.mktemp("unbroken") / "run.ckpt"
    torch.set_num_threads(1)
    model, history = restless_fit(path)
    return checkpoints.load(path), model.state_dict(), history


def assert_same(found, expected, where="state"):
    """Bit for bit, but for the time it took."""
    assert type(found) is type(expected), where
    if isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype and torch.equal(found, expected), where
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key in [key for key in expected if key != "seconds"]:
            assert_same(found[key], expected[key], f"{where}, {key}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), where
        for i, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{where}, {i}")
    else:
        assert found == expected, where


def assert_unbroken(path, unbroken, model, history):
    state, weights, expected = unbroken
    assert_same(checkpoints.load(path), state)
    assert_same(model.state_dict(), weights)
    assert_same(dataclasses.asdict(history), dataclasses.asdict(expected))


@pytest.mark.parametrize("seed", [0, *(pytest.param(i, marks=pytest.mark.soak) for i in range(1, 16))])
def test_killed_ten_times(tmp_path, unbroken, seed):
    path, chance = tmp_path / "run.ckpt", random.Random(seed)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.training_jobs", "torch._dynamo"]
    )  # what the first step imports too
    for _ in range(10):
        reports, theirs = context.Pipe(duplex=False)
        process = context.Process(target=training_jobs.killable, args=(path, theirs))
        process.start()
        theirs.close()
        for _ in range(chance.randint(6, 18)):
            assert reports.poll(60), "the run stands still"
            reports.recv()
        time.sleep(chance.random() * 0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert checkpoints.load(path)["step"] > 0
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))


@pytest.mark.parametrize("max_steps", [1, 12, 101])
def test_stopped_and_resumed(tmp_path, unbroken, max_steps):
    path = tmp_path / "run.ckpt"
    _, history = restless_fit(path, max_steps=max_steps)
    assert len(history.losses) == max_steps
    assert history.losses == unbroken[2].losses[:max_steps]
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))


def test_a_finished_run_resumed_does_nothing(tmp_path, unbroken, capsys):
    path = tmp_path / "run.ckpt"
    restless_fit(path)
    before = path.read_bytes()
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True, on_step=pytest.fail))
    assert path.read_bytes() == before
    assert f"Resumed from {path} after step 204." in capsys.readouterr().out


def test_resume_without_a_checkpoint_starts_and_says_so(tmp_path, unbroken, capsys):
    path = tmp_path / "folder" / "run.ckpt"
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))
    assert (
        capsys.readouterr().out == f"There is no checkpoint {path} yet: the run starts from the beginning.\n"
    )


@pytest.mark.parametrize("how", ["signal", "raised"])
def test_interrupt_in_a_step(tmp_path, unbroken, how):
    path, steps = tmp_path / "run.ckpt", iter(range(1000))

    def interrupt():
        if next(steps) == 33:
            if how == "raised":
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    _, history = restless_fit(path, on_step=interrupt)
    assert signal.getsignal(signal.SIGINT) is handler
    assert history.interrupted
    # A signal lets the step end; an exception takes its step back, draws included.
    assert len(history.losses) == len(history.logged["carry"]) == (34 if how == "signal" else 33)
    assert checkpoints.load(path)["step"] == len(history.losses)
    assert restless_fit(path, resume=True)[1].losses == unbroken[2].losses
    if how == "signal":  # batch norm saw the batch of a step taken back twice
        assert_unbroken(path, unbroken, *restless_fit(path, resume=True))


def test_interrupt_in_evaluation(tmp_path, unbroken):
    path, calls = tmp_path / "run.ckpt", iter(range(100))

    def evaluate(model):
        noise = torch.rand(()).item()
        if next(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
            pytest.fail("the evaluation was not interrupted")
        return {"noise": noise}

    _, history = restless_fit(path, evaluate=evaluate)
    assert history.interrupted and len(history.epochs) == 2 and len(history.losses) == 36
    assert_unbroken(path, unbroken, *restless_fit(path, resume=True))


def test_interrupt_within_an_update_saves_nothing_half_done(tmp_path, capsys):
    class Torn(torch.optim.SGD):
        def step(self, closure=None):
            super().step(closure)
            raise KeyboardInterrupt

    model = torch.nn.Linear(3, 1)
    history = _fit(tmp_path / "run.ckpt", model, Torn(model.parameters(), lr=0.1))
    assert history.interrupted and history.losses == []
    assert not list(tmp_path.iterdir())


def damage(path, how):
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) * 2 // 3])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, unbroken, capsys, how):
    path = tmp_path / "run.ckpt"
    restless_fit(path, max_steps=52)
    damage(path, how)
    result = restless_fit(path, resume=True)
    first, second = capsys.readouterr().out.splitlines()
    assert f"The checkpoint {path} is damaged" in first and "the one before is used" in first
    assert second == f"Resumed from {path} after step 50."
    assert (tmp_path / "run.ckpt.damaged").exists()
    assert_unbroken(path, unbroken, *result)


def test_no_good_checkpoint_is_one_clear_error(tmp_path):
    path = tmp_path / "run.ckpt"
    restless_fit(path, max_steps=12)
    for file in (path, checkpoints.previous(path)):
        damage(file, "truncated")
    with pytest.raises(
        CheckpointError, match="No good checkpoint is left at .*run.ckpt.*without resume=True"
    ):
        restless_fit(path, resume=True)


def test_every_flipped_bit_and_every_length_is_noticed(tmp_path):
    path, chance = tmp_path / "small.ckpt", random.Random(0)
    checkpoints.write(path, {"x": torch.arange(3)})
    content = path.read_bytes()
    for i in [*range(90), *(chance.randrange(len(content)) for _ in range(100))]:
        path.write_bytes(content[:i] + bytes([content[i] ^ 1 << chance.randrange(8)]) + content[i + 1 :])
        with pytest.raises(CheckpointError, match="small.ckpt is damaged"):
            checkpoints.load(path)
        path.write_bytes(content[:i])
        with pytest.raises(CheckpointError, match="small.ckpt is damaged"):
            checkpoints.load(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.load(path)


class Killed(BaseException):
    """Stands for a kill at a chosen call."""


def test_a_kill_at_any_call_of_a_write_leaves_a_whole_checkpoint(tmp_path, monkeypatch):
    moments = 0
    for moment in range(20):
        path = tmp_path / str(moment) / "run.ckpt"
        for value in (1, 2):
            checkpoints.write(path, {"value": value})
        calls = iter(range(100))
        with monkeypatch.context() as patch:
            for name in ("fsync", "replace"):
                patch.setattr(os, name, _killed_at(moment, calls, getattr(os, name)))
            try:
                checkpoints.write(path, {"value": 3})
            except Killed:
                moments += 1
        state, messages = checkpoints.read(path)
        assert state["value"] in (2, 3) and messages == []
        # The next run writes over what the killed one left.
        checkpoints.write(path, {"value": 4})
        assert checkpoints.read(path)[0] == {"value": 4}
    assert moments == 4


def _killed_at(moment, calls, function):
    def call(*arguments):
        if next(calls) == moment:
            raise Killed
        return function(*arguments)

    return call


def test_a_damaged_file_never_takes_the_place_of_a_good_one(tmp_path):
    path = tmp_path / "run.ckpt"
    for value in (1, 2):
        checkpoints.write(path, value)
    damage(path, "flipped")
    assert checkpoints.read(path)[0] == 1
    checkpoints.write(path, 3)
    damage(path, "flipped")
    assert checkpoints.read(path)[0] == 1


def test_a_new_run_replaces_an_older_ones_checkpoints(tmp_path, capsys):
    path = tmp_path / "run.ckpt"
    restless_fit(path, max_steps=20)
    capsys.readouterr()
    restless_fit(path, seed=4, max_steps=3)
    assert "of an earlier run and will be replaced" in capsys.readouterr().out
    assert checkpoints.load(path)["step"] == 3
    assert not checkpoints.previous(path).exists()


def test_no_code_is_unpickled(tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    checkpoints.write(tmp_path / "harm.ckpt", {"x": Harm()})
    with pytest.raises(CheckpointError, match="harm.ckpt holds something other than weights"):
        checkpoints.load(tmp_path / "harm.ckpt")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 4}, "seed: 3 in the checkpoint, 4 now"),
        ({"epochs": 18}, "epochs: 17 in the checkpoint, 18 now"),
        ({"batch_size": 16}, "batch_size: 8 in the checkpoint, 16 now"),
        ({"schedule": "cosine"}, "schedule: one-cycle in the checkpoint, cosine now"),
        ({"clip": None}, "clip: 0.5 in the checkpoint, None now"),
        ({"average": None}, r"average: \[0.9\] in the checkpoint, \[None\] now"),
        ({"shuffle": False}, "shuffle: True in the checkpoint, False now"),
        ({"precision": "bf16"}, "precision: float32 in the checkpoint, bf16 now"),
    ],
)
def test_another_configuration_is_refused_by_name(tmp_path, changes, named):
    path = tmp_path / "run.ckpt"
    restless_fit(path, max_steps=6)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=named):
        restless_fit(path, resume=True, **changes)
    assert path.read_bytes() == before


def _fit(path, model=None, optimizer=None, x=None, **changes):
    model = model or torch.nn.Linear(3, 1)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.arange(12.0).view(4, 3) if x is None else x
    return training.fit(
        model, lambda m, b, run: m(b[0]).square().mean() * 1e-3, (x,), optimizer=optimizer, epochs=1,
        batch_size=2, checkpoint=path, device="cpu", progress=False, **changes,
    )  # fmt: skip


def test_another_model_optimiser_or_data_are_refused_by_name(tmp_path):
    path, model = tmp_path / "run.ckpt", torch.nn.Linear(3, 1)
    _fit(path)
    with pytest.raises(
        CheckpointError, match=r"model 0, weight: \(1, 3\) float32 in .*, \(2, 3\) float32 now"
    ):
        _fit(path, torch.nn.Linear(3, 2), resume=True)
    with pytest.raises(CheckpointError, match="optimizer 0: SGD in the checkpoint, Adam now"):
        _fit(path, model, torch.optim.Adam(model.parameters()), resume=True)
    with pytest.raises(CheckpointError, match="group 0, lr: 0.1 in the checkpoint, 0.2 now"):
        _fit(path, model, torch.optim.SGD(model.parameters(), lr=0.2), resume=True)
    x = torch.arange(12.0).view(4, 3)
    x[3, 2] += 1e-3
    with pytest.raises(CheckpointError, match=r"data: \(4, 3\) float32, sha256"):
        _fit(path, x=x, resume=True)
    _fit(path, resume=True)


def test_a_refused_resume_changes_neither_model_nor_optimiser(tmp_path):
    path, model = tmp_path / "run.ckpt", torch.nn.Linear(3, 1)
    _fit(path)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    before = model.weight.detach().clone()
    with pytest.raises(CheckpointError):
        _fit(path, model, optimizer, resume=True, schedule="one-cycle")
    assert torch.equal(model.weight, before)
    assert optimizer.param_groups[0]["lr"] == 0.2 and "max_lr" not in optimizer.param_groups[0]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(CheckpointError, match="is a folder: name a file in it"):
        _fit(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        _fit(tmp_path / "file" / "run.ckpt")
    with pytest.raises(ValueError, match="need checkpoint="):
        _fit(None, resume=True)
