"""Devices: which one is chosen, and training on another than the CPU, as far as it is tested without one."""

import math
import re

import accelerate
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import training
from tests.helpers import chapter_trainings
from tests.helpers.pretend_device import DEVICE, Pretend, pretending
from tests.helpers.same import assert_same
from tests.helpers.trainings import data, restless_fit

pytestmark = pytest.mark.usefixtures("one_thread")
JOB, *MORE = chapter_trainings.jobs()


@pytest.fixture
def on_device():
    """The pretended device, with a tensor on it."""
    with pretending():
        yield torch.arange(12.0).reshape(3, 4).to(DEVICE)


# What the device refuses and lets pass; see "CUDA semantics" in PyTorch's notes


@pytest.mark.parametrize(
    "refused",
    [
        lambda x: x + torch.ones(4),
        lambda x: torch.cat([x, torch.ones(1, 4)]),
        lambda x: torch.ones(12)[x[0].long()],
        lambda x: F.embedding(torch.tensor([1, 2]), x),
        lambda x: nn.Linear(4, 2)(x),
        lambda x: torch.randn(3, device=DEVICE, generator=torch.Generator()),
        lambda x: torch.multinomial(x.softmax(1), 1, generator=torch.Generator()),
        lambda x: x.numpy(),
    ],
)
def test_the_pretended_device_refuses_what_cuda_refuses(on_device, refused):
    with pytest.raises((RuntimeError, TypeError), match="one device|generator is the CPU's|numpy"):
        refused(on_device)


@pytest.mark.parametrize(
    "admitted",
    [
        lambda x: x + torch.tensor(2.0),
        lambda x: x[torch.tensor([0, 2])],
        lambda x: torch.zeros_like(x).copy_(torch.ones(3, 4)),
        lambda x: x + torch.arange(4, device=x.device) + torch.eye(3, 4, device=x.device),
    ],
)
def test_the_pretended_device_admits_what_cuda_admits(on_device, admitted):
    out = admitted(on_device)
    assert isinstance(out, Pretend) and out.device == DEVICE
    assert out.cpu().device.type == "cpu" and torch.tensor(out.tolist()).isfinite().all()


# Training on it: the same kernels, so the same numbers, and every tensor had to be where it belongs


def test_a_run_with_all_its_state_trains_saves_and_resumes_on_the_device(tmp_path):
    model, history = restless_fit(tmp_path / "cpu.ckpt", max_steps=42)
    with pretending():
        there = tmp_path / "there.ckpt"
        restless_fit(there, device=None, max_steps=23)
        moved, found = restless_fit(there, resume=True, device=None, max_steps=42)
        assert all(isinstance(tensor.data, Pretend) for tensor in moved.state_dict().values())
        predicted = training.predict(moved, data()[0])
        assert predicted.device.type == "cpu" and type(predicted) is torch.Tensor
        moved.cpu()
    assert found.losses == history.losses and found.logged == history.logged
    for mine, theirs in zip(moved.state_dict().values(), model.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)  # of these types one is Pretend


@pytest.mark.parametrize(
    "job", [JOB, *(pytest.param(job, marks=pytest.mark.soak) for job in MORE)], ids="/".join
)
@pytest.mark.parametrize("float64", [True, False], ids=["cuda", "mps"])
def test_a_chapters_training_runs_on_the_device(job, float64):
    expected = chapter_trainings.train(*job, device="cpu", max_steps=6)
    if expected is None:
        pytest.skip("this table's function trains by itself")
    with pretending(float64):
        run = chapter_trainings.train(*job, max_steps=6)
        on_device = run.device == DEVICE
        assert on_device or (not float64 and run.dtype == torch.float64)
        assert all(isinstance(p.data, Pretend) for m in run.models for p in m.parameters()) == on_device
    assert run.history.losses == pytest.approx(expected.history.losses, rel=1e-4)


# The choice

UNKNOWN = r"device='{}': this machine has no such device. It has: cpu\..*"
TWO = {"WORLD_SIZE": "2"}


def there_is(monkeypatch, devices, **environment):
    """This machine has these devices, as torch says, two GPUs if any; and these variables are set."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in devices)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in devices)
    for name in ("COURSE_DEVICE", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("there", "device", "environment", "expected"),
    [
        ("cuda mps", None, {}, "cuda"),
        ("mps", None, {}, "mps"),
        ("", None, {}, "cpu"),
        ("cuda", None, {"COURSE_DEVICE": ""}, "cuda"),  # an empty variable is none
        ("cuda", None, {"COURSE_DEVICE": "cpu"}, "cpu"),
        ("cuda", "cuda:1", {"COURSE_DEVICE": "cpu"}, "cuda:1"),
        ("cuda", "cuda:2", {}, "device='cuda:2'.* has: cuda, cpu.*"),
        *(("", device, {}, UNKNOWN.format(device)) for device in ("gpu", "cuda", "mps", "tpu", 3.5)),
        ("", None, {"COURSE_DEVICE": "cuda:0"}, "COURSE_DEVICE='cuda:0': this machine has no such device.*"),
        ("mps", None, TWO, "cpu"),
        ("mps", "mps", TWO, "device='mps': .*cannot be shared by several processes.*"),
        ("mps", None, TWO | {"COURSE_DEVICE": "mps"}, "COURSE_DEVICE='mps': .*cannot be shared.*"),
    ],
)
def test_the_device_is_the_argument_then_the_variable_then_the_best(
    monkeypatch, there, device, environment, expected
):
    there_is(monkeypatch, there, **environment)
    try:
        found = str(training.choose_device(device))
    except ValueError as error:
        found = str(error)
    assert re.fullmatch(expected, found)


def test_mps_has_no_float64(monkeypatch):
    there_is(monkeypatch, "mps")
    assert training.choose_device(dtype=torch.float64) == torch.device("cpu")
    with pytest.raises(ValueError, match="computes no float64"):
        training.choose_device("mps", dtype=torch.float64)


def test_precision_follows_the_device(monkeypatch):
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    for native in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)  # noqa: B023
        assert training.choose_precision(cuda) == ("bf16" if native else "float32")
        assert training.choose_precision(cuda, dtype=torch.float64) == "float32"
        assert training.choose_precision(cuda, "float32") == training.choose_precision(cpu) == "float32"
    with pytest.raises(ValueError, match="precision='fp8' is not known"):
        fitted("fp8")
    with pytest.raises(ValueError, match="nothing for a float64 model"):
        fitted("bf16", torch.float64)


# bf16 autocast, which the CPU computes too


def fitted(precision, dtype=torch.float32):
    """A small classifier after 60 steps, its History, and the gradients of the last step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3)).to(dtype)

    def loss_fn(model, batch, run):
        out = model(batch[0])
        assert out.dtype == (torch.bfloat16 if precision == "bf16" else dtype)
        return F.cross_entropy(out, batch[1])

    history = training.fit(
        model, loss_fn, data(dtype), optimizer=torch.optim.AdamW(model.parameters(), lr=0.01), epochs=10,
        batch_size=16, clip=1.0, average=0.9, device="cpu", precision=precision, show=False,
    )  # fmt: skip
    return model, history


def test_bf16_on_the_cpu_learns_as_float32_does():
    """And other precisions and dtypes after it, in the same process, are what they were before."""
    plain, expected = fitted("float32")
    model, history = fitted("bf16")
    fitted(None, torch.float64)
    again, repeated = fitted("float32")
    accelerate.Accelerator(cpu=True, mixed_precision="no")  # the user's own can still be made
    assert repeated.losses == expected.losses and repeated.losses != history.losses
    assert len(history.losses) == 60 and all(math.isfinite(norm) for norm in history.grad_norms)
    assert history.losses == pytest.approx(expected.losses, rel=0.05)
    assert history.epochs[-1]["loss"] < 0.5 * history.epochs[0]["loss"]
    for parameter in model.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all() and parameter.grad.any()
    assert_same(again.state_dict(), plain.state_dict())
