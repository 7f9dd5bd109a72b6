"""Devices other than the CPU, as far as they can be tested without one; and bf16 autocast on the CPU."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import chapters, training
from course.training import devices
from tests import chapter_processes, training_jobs
from tests.pretend_device import DEVICE, Pretend, pretending
from tests.rehearsal import rehearse

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def on_device():
    """The pretended device, with a tensor on it."""
    with pretending():
        yield torch.arange(12.0).reshape(3, 4).to(DEVICE)


# What the device refuses and lets pass; see "CUDA semantics" in PyTorch's notes

REFUSED = {
    "sum": lambda x: x + torch.ones(4),
    "product": lambda x: x @ torch.ones(4, 2),
    "written in place": lambda x: torch.ones(3, 4).add_(x),
    "joined": lambda x: torch.cat([x, torch.ones(1, 4)]),
    "chosen by a mask": lambda x: torch.where(torch.ones(3, 4) > 0, x, x),
    "CPU rows by the device's index": lambda x: torch.ones(12)[x[0].long()],
    "embedding": lambda x: F.embedding(torch.tensor([1, 2]), x),
    "module on the CPU": lambda x: nn.Linear(4, 2)(x),
    "CPU input": lambda x: nn.Linear(4, 2).to(DEVICE)(torch.ones(1, 4)),
    "generator": lambda x: torch.randn(3, device=DEVICE, generator=torch.Generator()),
    "generator in place": lambda x: x.normal_(generator=torch.Generator()),
    "multinomial": lambda x: torch.multinomial(x.softmax(1), 1, generator=torch.Generator()),
    "NumPy": lambda x: x.numpy(),
}
ADMITTED = {
    "a number": lambda x: x + torch.tensor(2.0),
    "CPU index": lambda x: x[torch.tensor([0, 2])],
    "copied into": lambda x: torch.zeros_like(x).copy_(torch.ones(3, 4)),
    "like it": lambda x: torch.ones(3, 4).to(x) + x.new_ones(4),
    "made there": lambda x: x + torch.arange(4, device=x.device) + torch.eye(3, 4, device=x.device),
    "module": lambda x: nn.Linear(4, 2).to(x.device)(x),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_the_pretended_device_refuses_what_cuda_refuses(on_device, refused):
    with pytest.raises((RuntimeError, TypeError), match="one device|generator is the CPU's|numpy"):
        REFUSED[refused](on_device)


@pytest.mark.parametrize("admitted", ADMITTED)
def test_the_pretended_device_admits_what_cuda_admits(on_device, admitted):
    out = ADMITTED[admitted](on_device)
    assert isinstance(out, Pretend) and out.device == DEVICE
    assert out.cpu().device.type == "cpu" and torch.tensor(out.tolist()).isfinite().all()


# Training on it: the same kernels, so the same numbers, and every tensor had to be where it belongs


def test_a_run_with_all_its_state_trains_saves_and_resumes_on_the_device(tmp_path):
    model, history = training_jobs.restless_fit(tmp_path / "cpu.ckpt")
    with pretending():
        there, half = tmp_path / "there.ckpt", {"device": None, "max_steps": 101}
        training_jobs.restless_fit(there, **half)
        moved, found = training_jobs.restless_fit(there, resume=True, device=None)
        assert all(isinstance(tensor.data, Pretend) for tensor in moved.state_dict().values())
        predicted = training.predict(moved, training_jobs.data()[0])
        assert predicted.device.type == "cpu" and type(predicted) is torch.Tensor
        moved.cpu()
    assert found.losses == history.losses and found.logged == history.logged
    for mine, theirs in zip(moved.state_dict().values(), model.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def points():
    """Chapter 5: a few steps of its adversarial training with both penalties."""
    chapter = chapters.load_definitions("05_gan")
    models = chapter.pair(hidden=16)
    real = chapter.mixture("ring")
    averaged, history = chapter.train_gan(
        models, real, r1=1.0, r2=1.0, max_steps=chapter_processes.STEPS, progress=False
    )
    assert chapter.sample(averaged, 5).device.type == "cpu"
    return averaged, history


@pytest.mark.parametrize(
    "job", {**chapter_processes.JOBS, "05": points}.values(), ids=lambda job: job.__name__
)
@pytest.mark.parametrize("float64", [True, False], ids=["cuda", "mps"])
def test_a_chapters_training_runs_on_the_device(job, float64, monkeypatch):
    monkeypatch.setenv("COURSE_DEVICE", "cpu")
    _, expected = job()
    with pretending(float64):
        model, history = job()
        assert all(isinstance(parameter.data, Pretend) for parameter in model.parameters())
    assert history.losses == expected.losses and len(history.losses) == chapter_processes.STEPS


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)
def test_no_statement_of_a_chapter_assumes_the_cpu(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    placed, place = [], Pretend.__init__
    monkeypatch.setattr(Pretend, "__init__", lambda self, held: (placed.append(1), place(self, held))[1])
    with pretending(float64=False):
        rehearse(path, monkeypatch)
    assert len(placed) > 1000, "the chapter has hardly computed on the device"


# The choice, beside what test_training.py asks of it


def test_several_processes_cannot_share_mps(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setenv("COURSE_DEVICE", "")
    assert training.choose_device() == torch.device("mps"), "an empty variable is none"
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert training.choose_device() == torch.device("cpu")
    with pytest.raises(ValueError, match="device='mps': .*cannot be shared by several processes"):
        training.choose_device("mps")
    monkeypatch.setenv("COURSE_DEVICE", "mps")
    with pytest.raises(ValueError, match="COURSE_DEVICE='mps': .*cannot be shared"):
        training.choose_device()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("COURSE_DEVICE")
    assert training.choose_device(dtype=torch.float64) == torch.device("cuda")


def test_a_process_that_shares_gpus_does_not_go_back_to_the_cpu(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_backend", lambda: "nccl")
    with pytest.raises(ValueError, match="must use device='cuda'"):
        devices.connect(torch.device("cpu"), "float32")


# bf16 autocast, which the CPU computes too


def fitted(precision):
    """A small classifier's weights after 60 steps, its History, and the gradients of the last step."""
    torch.manual_seed(0)
    x, y = training_jobs.data()
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))

    def loss_fn(model, batch, run):
        out = model(batch[0])
        assert out.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        return F.cross_entropy(out, batch[1])

    history = training.fit(
        model, loss_fn, (x, y), optimizer=torch.optim.AdamW(model.parameters(), lr=0.01), epochs=10,
        batch_size=16, clip=1.0, average=0.9, device="cpu", precision=precision, progress=False,
    )  # fmt: skip
    return model, history


def test_bf16_on_the_cpu_learns_as_float32_does():
    """And float32 after it in the same process is what it was before."""
    plain, expected = fitted("float32")
    model, history = fitted("bf16")
    again, repeated = fitted("float32")
    assert repeated.losses == expected.losses and repeated.losses != history.losses
    assert len(history.losses) == 60 and all(math.isfinite(norm) for norm in history.grad_norms)
    assert history.losses == pytest.approx(expected.losses, rel=0.05)
    assert history.epochs[-1]["loss"] < 0.5 * history.epochs[0]["loss"]
    for parameter in model.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all() and parameter.grad.any()
    for mine, theirs in zip(again.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine, theirs)
