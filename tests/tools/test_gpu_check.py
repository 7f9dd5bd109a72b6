"""`tools/gpu_check.py`, as far as a machine without a GPU can try it: the CPU twice."""

import functools
import math

import pytest
import torch
from torch import nn

import gpu_check

CHAPTER = """
import torch
from torch import nn
from course import training

def loss_fn(model, batch, run):
    return (model(batch[0]) - run.normal(len(batch[0]), 1)).square().mean()

for dropout in (0.0, 0.5):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(dropout), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training.fit(model, loss_fn, (torch.ones(64, 3),), optimizer=optimizer, epochs=4, batch_size=8)
"""


def cells(table, name):
    """The cells of one chapter's row."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_without_a_gpu_it_says_so_and_measures_nothing(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(gpu_check, "run", lambda *_: pytest.fail("nothing is to be run"))
    assert gpu_check.main([]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "no GPU" in err and "--device cpu" in err
    assert gpu_check.main(["17", "--device", "cpu"]) == 2
    assert "no chapter '17'" in capsys.readouterr().err


def test_the_cpu_against_itself_and_a_chapter_that_fails(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(gpu_check, "run", functools.cache(gpu_check.run))  # the second run costs nothing
    good, bad, output = tmp_path / "good.py", tmp_path / "bad.py", tmp_path / "table.md"
    good.write_text(CHAPTER)
    bad.write_text('assert 1 > 2, "a | claim"\n')
    status = gpu_check.main([str(bad), str(good), "--device", "cpu", "--output", str(output)])
    printed, errors = capfd.readouterr()
    table = output.read_text(encoding="utf-8")
    assert status == 1 and "Traceback" in errors and printed.endswith(table)
    assert cells(table, "bad")[-1] == "fails on the CPU: AssertionError: a / claim"
    name, *measured, compared, difference, result = cells(table, "good")
    assert (name, compared, difference, result) == ("good", "2 of 2", "0.0e+00", "equal")
    seconds, again, speed_up, memory, _, on_device = (float(cell.split()[0]) for cell in measured)
    assert seconds == again > 0 and speed_up == 1.0 and memory > 50 and on_device == 0


def test_the_exit_status_is_that_of_the_worst_row(monkeypatch, capsys):
    good = {"seconds": 2.0, "host_mb": 300.0, "device_mb": 90.0, "trainings": [training(2.0)]}
    other = {**good, "seconds": 0.5, "trainings": [training(2.0001)]}
    answers = {"cpu": good, "mps": other}
    monkeypatch.setattr(gpu_check, "run", lambda path, device: answers[device])
    assert gpu_check.main(["01", "--device", "mps"]) == 0
    (*_, difference, result) = shown = cells(capsys.readouterr().out, "01_cnn")
    assert (difference, result) == ("5.0e-05", "equal") and shown[1:4] == ["2.0 s", "0.5 s", "4.0 ×"]
    answers["mps"] = {"error": "out of memory"}
    assert gpu_check.main(["01", "--device", "mps"]) == 1
    assert cells(capsys.readouterr().out, "01_cnn")[-1] == "fails on the GPU: out of memory"


def training(*losses, dropout=False, precision="float32"):
    return {"losses": list(losses), "dropout": dropout, "precision": precision}


@pytest.mark.parametrize(
    ("other", "exact", "compared", "difference", "result"),
    [
        ([training(2.0, 1.0)], False, 1, 0.0, "equal"),
        ([training(2.0, 1.0009)], False, 1, 0.0009, "equal"),
        ([training(2.0, 1.0011)], False, 1, 0.0011, "differs: the first losses"),
        ([training(2.0, 1.02, precision="bf16")], False, 1, 0.02, "equal"),
        ([training(2.0, 1.04, precision="bf16")], False, 1, 0.04, "differs: the first losses"),
        ([training(2.0, math.nan)], False, 1, math.inf, "differs: the first losses"),
        ([training(2.0)], False, 0, math.nan, "differs: not the same trainings"),
        ([training(2.0, 1.0), training(1.0)], False, 0, math.nan, "differs: not the same trainings"),
        ([training(2.0, 1.0 + 1e-9)], True, 1, 1e-9, "differs: the first losses"),
    ],
)
def test_equality_of_the_first_losses(other, exact, compared, difference, result):
    found = gpu_check.compare([training(2.0, 1.0)], other, exact)
    assert found == (compared, pytest.approx(difference, nan_ok=True), result)


def test_dropout_is_left_out_except_bit_for_bit():
    cpu, other = [training(2.0, dropout=True)], [training(1.0, dropout=True)]
    assert gpu_check.compare(cpu, other, exact=False) == (0, 0.0, "equal, by its own assertions")
    assert gpu_check.compare(cpu, other, exact=True)[2] == "differs: the first losses"


def test_which_modules_draw_masks():
    drawing = (
        nn.Dropout(0.1),
        nn.Dropout2d(0.5),
        nn.LSTM(2, 2, 2, dropout=0.1),
        nn.MultiheadAttention(2, 1, 0.1),
    )
    plain = nn.Dropout(0.0), nn.LSTM(2, 2), nn.Linear(2, 2), nn.MultiheadAttention(2, 1)
    assert all(map(gpu_check.has_dropout, drawing)) and not any(map(gpu_check.has_dropout, plain))
