"""Two processes under torchrun train as one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import chapter_processes, training_jobs
from tests.conftest import torch_threads

ROOT = Path(__file__).resolve().parents[1]


def on_two(program, folder):
    """The results of a program from ranks 0 and 1 of one torchrun, and what they printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "COURSE_DEVICE": "cpu"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, "--log-dir", folder / "logs", "--redirects", "3", program.__file__, folder],
        env=environment, capture_output=True, text=True, timeout=480,
    )  # fmt: skip
    logs = {path.parent.name + path.name: path.read_text() for path in folder.glob("logs/**/*.log")}
    assert done.returncode == 0, done.stderr + "".join(logs.values())
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)], logs


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return on_two(training_jobs, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def chapters_on_two(tmp_path_factory):
    return on_two(chapter_processes, tmp_path_factory.mktemp("chapters"))[0]


@pytest.fixture(scope="module")
def chapters_on_one():
    with pytest.MonkeyPatch.context() as patch, torch_threads(1):
        patch.setenv("COURSE_DEVICE", "cpu")
        yield chapter_processes.every_chapter()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The same jobs in this process alone."""
    with torch_threads(1):
        yield training_jobs.every_shared_job(tmp_path_factory.mktemp("one"))


@pytest.mark.parametrize("job", ["fit", "again", "gan", "resumed"])
def test_two_processes_equal_one(one, two, job):
    for rank in (0, 1):
        _assert_close(two[0][rank][job], one[job], job)


def test_resumed_in_two_processes_is_as_never_stopped(two):
    assert two[0][0]["resumed"] == two[0][0]["fit"]


def test_the_runs_differ_where_they_should(one):
    assert one["fit"]["losses"] != one["again"]["losses"]
    assert len(one["fit"]["losses"]) == 18 and len(one["gan"]["losses"]) == 12


def test_only_the_first_process_prints(two):
    (zero,) = [text for name, text in two[1].items() if name == "0stdout.log"]
    (other,) = [text for name, text in two[1].items() if name == "1stdout.log"]
    assert zero.count("3 epochs, 18 steps: loss") == 3 and "Resumed from" in zero
    assert other == ""
    assert not any("Warning" in text for text in two[1].values())


def test_a_batch_that_cannot_be_shared_is_refused(two):
    assert "batch of 15" in two[0][1]["odd"] and "multiple of 2" in two[0][1]["odd"]


@pytest.mark.parametrize("chapter", chapter_processes.JOBS)
def test_a_chapters_main_training_on_two_processes_equals_one(chapters_on_one, chapters_on_two, chapter):
    """Losses, logs and weights, by the chapter's own model, loss and batches, in float64."""
    expected = chapters_on_one[chapter]
    assert len(expected["losses"]) == chapter_processes.STEPS and expected["weights"]
    for rank in (0, 1):
        found = chapters_on_two[rank][chapter]
        assert found.keys() == expected.keys()
        for name in ("losses", "norms", "logged", "epochs"):
            _assert_close(found[name], expected[name], f"chapter {chapter}, {name}")
        for mine, theirs in zip(found["weights"], expected["weights"], strict=True):
            mine, theirs = (torch.tensor(weights, dtype=torch.float64) for weights in (mine, theirs))
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-12)


def _assert_close(found, expected, where):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for name in expected:
            _assert_close(found[name], expected[name], f"{where}, {name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for i, value in enumerate(expected):
            _assert_close(found[i], value, f"{where}, {i}")
    else:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-12), where
