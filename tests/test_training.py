"""`training.fit` and `training.Run` against loops written by hand."""

import base64
import io
import math
import re
import signal
import sys
import time
from copy import deepcopy
from types import SimpleNamespace

import nbformat
import pytest
import torch
import torch.nn.functional as F
from nbclient import NotebookClient
from PIL import Image
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course import training
from course.training import Run, draws, frames
from tests.helpers.same import assert_same
from tests.helpers.trainings import adversaries, critic_loss

pytestmark = pytest.mark.usefixtures("one_thread")

X = torch.randn(70, 5, generator=torch.Generator().manual_seed(0))
Y = X.argmax(1)


def net(dtype=torch.float32):
    torch.manual_seed(0)
    layers = nn.Linear(5, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 5)
    return nn.Sequential(*layers).to(dtype)


def cross_entropy(model, batch, run):
    x, y = batch
    return F.cross_entropy(model(x), y)


def fit(model, *, loss_fn=cross_entropy, data=(X, Y), optimizer=None, **changes):
    """A short quiet fit on the CPU."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    settings = {"epochs": 3, "batch_size": 16, "device": "cpu", "show": False}
    return training.fit(model, loss_fn, data, optimizer=optimizer, **{**settings, **changes})


def test_fit_is_the_loop_by_hand_bit_for_bit():
    model = net()
    history = fit(
        model, optimizer=torch.optim.AdamW(model.parameters(), lr=0.02), seed=7, schedule="one-cycle",
        clip=0.8, average=0.9, evaluate=lambda m: {"loss on all": F.cross_entropy(m(X), Y)},
    )  # fmt: skip

    hand = net().train()
    optimizer = torch.optim.AdamW(hand.parameters(), lr=0.02)
    scheduler = OneCycleLR(optimizer, max_lr=0.02, total_steps=12)
    averaged = AveragedModel(hand, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True).eval()
    torch.manual_seed(draws.derive(7, draws.GLOBAL, 0))
    losses, lrs, norms, rows = [], [], [], []
    for epoch in range(3):
        for batch in training.order(len(X), seed=7, epoch=epoch)[:64].split(16):
            loss = F.cross_entropy(hand(X[batch]), Y[batch])
            optimizer.zero_grad()
            loss.backward()
            norms.append(float(nn.utils.clip_grad_norm_(hand.parameters(), 0.8)))
            lrs.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
            averaged.update_parameters(hand)
            losses.append(loss.item())
        on_all = F.cross_entropy(averaged(X), Y).item()
        rows.append({"epoch": epoch + 1, "loss": math.fsum(losses[-4:]) / 4, "loss on all": on_all})

    assert (history.losses, history.lrs, history.grad_norms) == (losses, lrs, norms)
    assert history.epochs == rows
    averaged.module[1].num_batches_tracked.fill_(12)  # a whole number: copied, not averaged
    assert_same(model.state_dict(), averaged.module.state_dict())
    assert max(norms) > 0.8 > min(norms), "the clipping was not tried on both sides"
    assert history.seconds > 0 and not history.interrupted


def test_in_each_epoch_each_example_comes_once_and_the_epochs_differ():
    first, second = (training.order(70, seed=0, epoch=epoch).tolist() for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(70))
    assert first != second and first != sorted(first)


@pytest.mark.parametrize(
    "n, size, expected", [(7, 16, [[0, 1, 2, 3, 4, 5, 6]]), (7, 3, [[0, 1, 2], [3, 4, 5]])]
)
def test_order_kept_last_batch_dropped_and_small_data(n, size, expected):
    seen = []

    def loss_fn(model, batch, run):
        seen.append(batch[1].tolist())
        batch[1].zero_()  # a loss that spoils its batch does not spoil the data
        return model(batch[0]).square().mean()

    rows = X[:n], torch.arange(n)
    fit(nn.Linear(5, 1), loss_fn=loss_fn, data=rows, shuffle=False, batch_size=size, epochs=2)
    assert seen == expected * 2


def test_data_from_a_function():
    shapes = []

    def made(run, batch_size):
        x = run.normal(batch_size, 5)
        return x, run.integers(5, batch_size)

    def loss_fn(model, batch, run):
        shapes.append([tuple(t.shape) for t in batch])
        return cross_entropy(model, batch, run)

    first, second = (fit(net(), loss_fn=loss_fn, data=made, steps_per_epoch=3) for _ in range(2))
    assert first.losses == second.losses and len(set(first.losses)) == 9
    assert shapes[0] == [(16, 5), (16,)] and len(first.epochs) == 3


@pytest.mark.parametrize(
    ("schedule", "reference"),
    [
        ("constant", lambda o: LambdaLR(o, lambda step: 1.0)),
        ("cosine", lambda o: CosineAnnealingLR(o, T_max=12)),
        ("one-cycle", lambda o: OneCycleLR(o, max_lr=[0.1, 0.3], total_steps=12)),
        (lambda step, total: 1 / (1 + step / total), lambda o: LambdaLR(o, lambda step: 1 / (1 + step / 12))),
    ],
)
def test_schedules_are_torchs_and_the_settings_come_back(schedule, reference):
    def two_groups(model):
        layers = {model[0]: 0.1, model[4]: 0.3}
        groups = [{"params": layer.parameters(), "lr": lr} for layer, lr in layers.items()]
        return torch.optim.SGD(groups, momentum=0.9)

    def settings(optimizer):
        return [group[name] for group in optimizer.param_groups for name in ("lr", "momentum")]

    def loss_fn(model, batch, run):
        seen.append(settings(optimizer))
        return cross_entropy(model, batch, run)

    model, seen = net(), []
    optimizer, other = two_groups(model), two_groups(net())
    before = optimizer.state_dict()["param_groups"]
    history = fit(model, loss_fn=loss_fn, optimizer=optimizer, schedule=schedule)
    scheduler = reference(other)
    for found in seen:
        assert found == pytest.approx(settings(other), rel=1e-12, abs=1e-15)
        other.step()
        scheduler.step()
    assert history.lrs == [step[0] for step in seen] and len(seen) == 12
    assert optimizer.state_dict()["param_groups"] == before, "the next fit would start from other settings"


def test_max_steps_stops_within_the_whole_runs_schedule():
    whole, part = fit(net(), schedule="cosine"), fit(net(), schedule="cosine", max_steps=5)
    assert part.losses == whole.losses[:5] and part.lrs == whole.lrs[:5] and len(part.epochs) == 1


def test_whole_number_buffers_are_copied_not_averaged():
    model = net()
    model.register_buffer("mask", torch.tensor([True, False]))
    fit(model, average=0.99)
    assert model[1].num_batches_tracked == 12 and model.mask.tolist() == [True, False]


def test_evaluate_sees_averages_in_eval_mode_and_leaves_no_trace():
    model, raw = net(), net()
    model[1].eval()  # fit puts all into train mode at its start
    modes = []

    def evaluate(evaluated):
        modes.append((evaluated.training, evaluated[3].training, torch.is_grad_enabled()))
        assert evaluated is model
        torch.rand(3)
        return {"size": sum(p.abs().sum() for p in evaluated.parameters())}

    history = fit(model, average=0.5, evaluate=evaluate, max_steps=8)
    assert modes == [(False, False, False)] * 2 and model.training and model[1].training
    assert history.epochs[-1]["size"] == pytest.approx(sum(p.abs().sum().item() for p in model.parameters()))
    fit(raw, max_steps=4)
    assert history.epochs[0]["size"] != pytest.approx(sum(p.abs().sum().item() for p in raw.parameters()))
    with pytest.raises(TypeError, match="evaluate returned float: expected a dict"):
        fit(net(), evaluate=lambda m: 0.5)


def test_draws():
    def drawing(process=0, processes=1):
        return draws.Draws(5, torch.device("cpu"), torch.float32, process, processes)

    run = drawing()
    normal, uniform, whole = run.normal(2000, 3), run.uniform(2000), run.integers(4, 2000, 2)
    assert normal.shape == (2000, 3) and normal.dtype == torch.float32 and abs(normal.mean()) < 0.05
    assert abs(normal.std() - 1) < 0.05
    assert uniform.shape == (2000,) and 0 <= uniform.min() < 0.01 and 0.99 < uniform.max() < 1
    assert whole.dtype == torch.int64 and whole.unique().tolist() == [0, 1, 2, 3] and whole.shape == (2000, 2)
    assert run.normal().shape == () and run.uniform(2, dtype=torch.float64).dtype == torch.float64
    # Another number of processes draws the same for the global batch.
    halves = [drawing(process, 2).normal(1000, 3) for process in (0, 1)]
    assert torch.equal(torch.cat(halves), normal)


def test_streams_are_independent():
    seeds = {draws.derive(seed, use, i) for seed in range(30) for use in range(3) for i in range(30)}
    assert len(seeds) == 2700


def test_log_and_carry():
    carried = []

    def loss_fn(model, batch, run):
        carried.append((run.epoch, run.step, None if run.carry is None else run.carry[0].item()))
        run.carry = (torch.tensor(float(run.step)), None)
        loss = cross_entropy(model, batch, run)
        run.log(loss=loss, step=run.step)
        return loss

    history = fit(net(), loss_fn=loss_fn, epochs=2)
    assert history.logged == {"loss": history.losses, "step": [float(i) for i in range(8)]}
    first = [(0, 0, None), (0, 1, 0), (0, 2, 1), (0, 3, 2)]
    assert carried == first + [(1, 4, None), (1, 5, 4), (1, 6, 5), (1, 7, 6)]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_update(bad):
    model, good = net(), net()
    fit(good, max_steps=6)
    handler, generator = signal.getsignal(signal.SIGINT), torch.get_rng_state()
    with pytest.raises(training.NonFiniteLoss) as caught:
        fit(model, loss_fn=lambda m, b, run: cross_entropy(m, b, run) * (bad if run.step == 6 else 1))
    message = str(caught.value)
    assert f"loss is {bad} in epoch 2, step 7" in message and "smaller learning rate (it is 0.1)" in message
    assert "clip=1.0" in message
    left_open = "the run was left open for as long as the error was kept"
    assert signal.getsignal(signal.SIGINT) is handler and torch.equal(torch.get_rng_state(), generator), (
        left_open
    )
    assert len(caught.value.history.losses) == 6 and len(caught.value.history.epochs) == 1
    assert_same(list(model.parameters()), list(good.parameters()))


def test_a_gradient_that_is_not_finite_stops_before_the_update_under_clip():
    model = nn.Linear(5, 1)
    before = deepcopy(model)
    with pytest.raises(training.NonFiniteLoss, match="gradient's norm is (nan|inf)"):
        fit(model, loss_fn=lambda m, b, run: (m(b[0]) * 0).abs().sqrt().mean(), clip=1.0)
    assert_same(model.state_dict(), before.state_dict())


def test_two_models_and_two_optimisers_as_by_hand():
    g, d, opt_g, opt_d = adversaries()
    run = Run([g, d], [opt_d, opt_g], schedule="cosine", device="cpu", show=False)
    for (real,) in run.batches((X,), epochs=2, batch_size=16):
        fake = g(run.normal(16, 2))
        run.update(opt_d, critic_loss(d, real, fake, run.uniform(16, 1)))
        if run.step % 2:
            kept = [p.grad.clone() for p in d.parameters()]
            run.log(g_loss=run.update(opt_g, F.softplus(-d(fake)).mean()))
            assert_same([p.grad for p in d.parameters()], kept)

    hand_g, hand_d, opt_g, opt_d = adversaries()
    own, losses = draws.generator(0, draws.DRAWS), {opt_g: [], opt_d: []}

    def update(optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[optimizer].append(loss.item())

    for step in range(8):
        real = X[training.order(70, 0, step // 4)[step % 4 * 16 :][:16]]
        noise, mix = torch.randn(16, 2, generator=own), torch.rand(16, 1, generator=own)
        # The generator's schedule starts with its first update, in the second step.
        for optimizer, late in ((opt_d, 0), (opt_g, 1)):
            lr = 0.01 * 0.5 * (1 + math.cos(math.pi * max(0, step - late) / 8))
            optimizer.param_groups[0]["lr"] = lr
        fake = hand_g(noise)
        update(opt_d, critic_loss(hand_d, real, fake, mix))
        if step % 2:
            update(opt_g, F.softplus(-hand_d(fake)).mean())
    assert run.history.losses == losses[opt_d] and run.history.logged == {"g_loss": losses[opt_g]}
    for found, by_hand in ((g, hand_g), (d, hand_d)):
        assert_same(found.state_dict(), by_hand.state_dict())


def test_a_run_left_early_restores_what_it_changed():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = Run(model, optimizer, schedule="one-cycle", device="cpu", show=False)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    for x, y in run.batches((X, Y), epochs=2, batch_size=16):
        run.update(optimizer, F.cross_entropy(model(x), y))
        if run.step == 2:
            break
    assert optimizer.param_groups[0]["lr"] == 0.1 and torch.equal(torch.rand(1), expected)
    assert len(run.history.losses) == 2
    with pytest.raises(RuntimeError, match="gives its batches once"):
        next(run.batches((X, Y), epochs=2))


def test_a_used_optimiser_goes_on():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    fit(model, optimizer=optimizer, epochs=1, average=0.9, schedule="one-cycle")
    fit(model, optimizer=optimizer, epochs=1)
    assert next(iter(optimizer.state.values()))["step"] == 8


def test_predict():
    model = net()
    model[3].eval()
    expected = deepcopy(model).eval()(X).detach()
    for size in (1, 32, 500):
        out = training.predict(model, X, batch_size=size)
        assert not out.requires_grad and torch.allclose(out, expected, rtol=0, atol=1e-6)
    assert model.training and model[1].training and not model[3].training


# What a caller gets wrong


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs=0: expected a whole number of at least 1"),
        ({"epochs": 1.5}, "epochs=1.5: expected a whole number"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"seed": -1}, "seed=-1"),
        ({"clip": 0}, "clip=0"),
        ({"average": 1.0}, "average=1.0"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"schedule": "linear"}, "'linear' is not known: give one of 'constant', 'cosine', 'one-cycle'"),
        ({"steps_per_epoch": 3}, "steps_per_epoch is for data made by a function"),
        ({"data": lambda run, batch_size: X}, "give steps_per_epoch"),
        ({"data": (X, Y[:3])}, r"lengths \[70, 3\]"),
        ({"data": (X[:0],)}, r"lengths \[0\]"),
        ({"loss_fn": lambda m, b, run: m(b[0])}, r"a tensor of shape \(16, 5\): expected a scalar"),
        ({"loss_fn": lambda m, b, run: 1.0}, "The loss is float"),
        ({"loss_fn": lambda m, b, run: m(b[0]).mean().detach()}, "does not depend on the weights"),
        ({"loss_fn": lambda m, b, run: run.log(x=b[1])}, r"log\(x=...\): a tensor of shape \(16,\)"),
        ({"optimizer": torch.optim.SGD([nn.Parameter(X)])}, "1 of the parameters of SGD are not"),
    ],
)
def test_clear_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        fit(net(), **changes)


@pytest.mark.parametrize("data", [[[1, 2]], (), (torch.tensor(1.0),), ([1, 2],)])
def test_data_of_another_kind(data):
    with pytest.raises(TypeError, match="data must be a tuple of tensors"):
        fit(net(), data=data)


# What is seen


def test_one_printed_line_without_a_time(capsys):
    fit(net(), show=True, evaluate=lambda m: {"accuracy": 0.25})
    out, err = capsys.readouterr()
    first = fit(net(), show=True, epochs=1, max_steps=1)
    assert out.startswith("3 epochs, 12 steps: loss ") and out.endswith(", accuracy 0.25\n")
    assert out.count("\n") == 1 and err == ""
    line = f"0 epochs, 1 step: loss {first.losses[0]:.4g}"
    assert capsys.readouterr().out == line + "\n" and repr(first) == f"History({line})"
    fit(net(), show=False)
    assert capsys.readouterr() == ("", "")


def test_the_line_is_of_the_last_100_steps_and_of_the_last_evaluation():
    history = training.History(losses=[9.0] * 100 + [1.0, 3.0] * 50)
    assert history.summary() == "0 epochs, 200 steps: loss 2"
    history.epochs = [{"epoch": 1, "loss": 5.5, "accuracy": 0.5}, {"epoch": 2, "loss": 2.0, "accuracy": 0.75}]
    assert history.summary() == "2 epochs, 200 steps: loss 2, accuracy 0.75"


def test_the_bar_in_a_terminal_leaves_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(frames, "EVERY", 0)
    fit(net(), show=True)
    err = capsys.readouterr().err
    assert "/12" in err and err.endswith("\r\033[K\r")


@pytest.mark.parametrize("cost", [0.001, 0.05, 0.15])
def test_frames_come_twice_a_second_or_as_rarely_as_they_must(monkeypatch, cost):
    """By a clock that only steps of 0.02 seconds and frames of `cost` move on."""
    now, drawn = [0.0], []

    def draw(left, samples):
        drawn.append(now[0])
        now[0] += cost

    monkeypatch.setattr(frames, "time", SimpleNamespace(monotonic=lambda: now[0]))
    run = SimpleNamespace(step=0, show=True, history=training.History())
    with frames.Frames(run, last=3000, per_epoch=10) as seen:
        seen.draw = draw
        for run.step in range(1, 3001):
            now[0] += 0.02
            seen.advance()
    gaps = [after - before for before, after in zip(drawn[:-2], drawn[1:-1], strict=True)]
    assert 0.48 < drawn[0] < 0.53 and min(gaps) >= max(0.5, 33 * cost)
    assert max(gaps) < max(0.5, 40 * cost) + cost + 0.03, "a frame came later than it may"
    assert len(drawn) * cost <= 0.03 * now[0], "drawing takes more than 3 % of the time"
    assert now[0] - drawn[-1] == pytest.approx(cost), "the last frame is drawn at the end"


BEFORE = """
import os, signal, sys, threading, warnings
threads, modules = threading.active_count(), set(sys.modules)
warnings.simplefilter("error")
sys.modules["ipywidgets"] = None  # a kernel without ipywidgets
import torch
from course import training
from course.training import Run, frames
assert not [name for name in set(sys.modules) - modules if name.startswith("matplotlib")]
frames.EVERY = frames.PAUSE = 0  # each step is a frame

def train(steps=10, at=lambda run: 1.0, **settings):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(),
                                torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    global run
    run = Run(model, optimizer, device="cpu", **settings)
    for (x,) in run.batches(lambda run, n: run.normal(n, 3), epochs=2, steps_per_epoch=steps // 2,
                            evaluate=lambda model: {"validation": 2.0}):
        run.update(optimizer, model(x).square().mean() * at(run))
    return [*model.state_dict().values(), torch.tensor(run.history.losses)]

def samples(model):
    assert not model.training and not torch.is_grad_enabled()
    return model(run.normal(5, 3)) + torch.rand(5, 2)

def title():
    return run._frames.curve.title.get_text()
"""
SEEN = """
print("before")
with_frames = train(average=0.9, picture=samples)
print("after")
"""
ALIKE = """
without = train(average=0.9, show=False)
assert all(torch.equal(a, b) for a, b in zip(with_frames, without, strict=True)) and run._frames.curve is None
assert threading.active_count() == threads, threading.enumerate()
assert "matplotlib.pyplot" not in sys.modules and not sys.modules["ipywidgets"]
"""
BROKEN = """
frames.EVERY = 3600
try:
    train(at=lambda run: float("nan") if run.step == 7 else 1.0)
except training.NonFiniteLoss:
    assert " after 7 of 10 steps" in title(), title()
"""
STOPPED = """
train(at=lambda run: 1.0 if run.step != 7 else os.kill(os.getpid(), signal.SIGINT) or 1.0)
assert " after 8 of 10 steps" in title(), title()
"""
WRONG = """
try:
    train(at=lambda run: torch.ones(2))
except ValueError:
    pass
"""


class Listener(NotebookClient):
    """Keeps the kernel's messages about outputs."""

    def process_message(self, message, cell, index):
        if message["msg_type"] in ("display_data", "update_display_data"):
            self.__dict__.setdefault("heard", []).append((index, message["msg_type"], message["content"]))
        return super().process_message(message, cell, index)


def test_a_notebook_sees_one_picture_that_changes_and_one_line():
    """And the weights are those of a run that nobody sees; no thread hinders a fork."""
    cells = map(nbformat.v4.new_code_cell, (BEFORE, SEEN, ALIKE, BROKEN, STOPPED, WRONG))
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    client = Listener(notebook, timeout=120, kernel_name="python3")
    client.execute()
    silent, (before, picture, after), alike, (broken,), (stopped, line), wrong = (
        cell.outputs for cell in notebook.cells
    )
    assert silent == alike == wrong == [] and before.text == "before\n"
    assert re.fullmatch(r"2 epochs, 10 steps: loss [\d.]+, validation 2\nafter\n", after.text)
    assert line.text.startswith("Interrupted after 1 epoch, 8 steps: loss ")

    frames_seen = [(kind, content) for index, kind, content in client.heard if index == 1]
    assert [kind for kind, _ in frames_seen] == ["display_data"] + ["update_display_data"] * 10
    texts = {content["data"]["text/plain"] for _, content in frames_seen}
    assert {tuple(content["data"]) for _, content in frames_seen} == {("image/png", "text/plain")}
    assert len({content["data"]["image/png"] for _, content in frames_seen}) > 8
    assert texts == {picture.data["text/plain"]}, "nbval compares the first frame's text with the last one's"
    for output in (picture, broken, stopped):
        size = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).size
        described = output.metadata["image/png"]
        assert output.data["text/plain"] == f"[picture] {described['alt']}"
        assert size == (2 * described["width"], 2 * described["height"]) == (1120, 520)


def test_seconds_grow_over_the_sessions(tmp_path):
    def slow(model, batch, run):
        time.sleep(0.02)
        return cross_entropy(model, batch, run)

    path = tmp_path / "run.ckpt"
    fit(net(), loss_fn=slow, checkpoint=path, max_steps=6)
    assert fit(net(), loss_fn=slow, checkpoint=path, resume=True).seconds >= 0.24
