"""Two processes under torchrun train as one does."""

import pytest
import torch

from course.training import processes
from tests.conftest import torch_threads
from tests.helpers.chapter_trainings import jobs
from tests.helpers.same import assert_close
from tests.helpers.two_processes import STEPS, every_job, on_two

JOB = next(jobs())  # `make soak` shares all
CHAPTER = "/".join(JOB)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return on_two(tmp_path_factory.mktemp("two"), [JOB])


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The same jobs in this process alone."""
    with torch_threads(1):
        return every_job(tmp_path_factory.mktemp("one"), [JOB])


@pytest.mark.parametrize("job", ["fit", "again", "gan", "resumed", CHAPTER])
def test_two_processes_equal_one(one, two, job):
    """Losses, norms, logs, epochs and weights, in float64."""
    for rank in (0, 1):
        assert_close(two[0][rank][job], one[job], job)


def test_resumed_in_two_processes_is_as_never_stopped(two):
    assert two[0][0]["resumed"] == two[0][0]["fit"]


def test_the_runs_differ_where_they_should(one):
    assert one["fit"]["losses"] != one["again"]["losses"]
    lengths = {job: len(one[job]["losses"]) for job in ("fit", "gan", CHAPTER)}
    assert lengths == {"fit": 18, "gan": 12, CHAPTER: STEPS} and one[CHAPTER]["weights"]


def test_only_the_first_process_prints_and_shows(two):
    zero, other = (two[1][f"{rank}stdout.log"] for rank in (0, 1))
    assert zero.count("3 epochs, 18 steps: loss") == 3 and "Resumed from" in zero
    assert zero.count("a line of a chapter") == zero.count("a picture of a chapter") == 1
    assert other == ""
    assert not any("Warning" in text for text in two[1].values())


def test_a_batch_that_cannot_be_shared_is_refused(two):
    assert "batch of 15" in two[0][1]["odd"] and "multiple of 2" in two[0][1]["odd"]


def test_more_processes_than_gpus_is_one_clear_error(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="3 processes were started on a machine with 2 GPUs: start one for"):
        processes.join(torch.device("cuda"))


def test_a_process_that_shares_gpus_does_not_go_back_to_the_cpu(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_backend", lambda: "nccl")
    with pytest.raises(ValueError, match="must use device='cuda'"):
        processes.join(torch.device("cpu"))
