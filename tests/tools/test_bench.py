"""The benchmarks: their table, their verdicts, and that each of them runs. No time decides."""

import math
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tools import bench
from tools.bench import explorers, measure, pairs, run, scripts, suite
from tools.bench.measure import Row

# An explorer whose picture follows a key press by 80 ms.
CHAPTER = """
# %% tags=["explorer"]
import time
from course.explorers.base import Explorer
from course.explorers.controls import slider
from course.explorers.picture import Picture

def compute(width, height):
    time.sleep(0.08)
    return {}

def build(figure):
    panel = figure.add_subplot(label="panel", xlim=(0, 9), ylim=(0, 9))
    return {"line": panel.plot([0], [0])[0]}

def update(artists, state):
    artists["line"].set_data([0, state["width"]], [0, state["height"]])

controls = {name: slider(name, (0, 9), 5) for name in ("width", "height")}
touch = {"panel": lambda state, x, y: {"width": x, "height": y}}
Explorer("line", controls, compute, Picture(build, update, (4, 3)), "A line.", touch=touch)
"""


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Two small chapters, the only ones there are, and the second fails; and a small test command."""
    sources = [tmp_path / "08_good.py", tmp_path / "09_bad.py"]
    for source, text in zip(sources, (CHAPTER, "raise ValueError('as it should')"), strict=True):
        source.write_text(text)
    for module in (explorers, scripts):
        monkeypatch.setattr(module, "chapters", SimpleNamespace(paths=lambda: sources))
    monkeypatch.setattr(suite, "COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))


def test_the_table_has_every_row_and_a_crash_does_not_stop_the_others(monkeypatch, capsys, tmp_path):
    def bad(quick):
        yield Row("before the crash", 3.0, "s")
        raise ValueError("the reason\nand more of it")

    good = [Row("a ratio", 1.25, "x", 2, 1.4), Row("slow", 8000.4, "ms", 100), Row("none", math.nan, "MB", 9)]
    modules = {"bad": SimpleNamespace(rows=bad), "good": SimpleNamespace(rows=lambda quick: good)}
    monkeypatch.setattr(run, "find_benchmarks", lambda: modules)
    target = tmp_path / "new" / "measured.md"
    assert run.main(["--output", str(target)]) == 1
    captured = capsys.readouterr()
    assert target.read_text(encoding="utf-8") == captured.out
    head, _, *table, _, bars, slow, crash = captured.out.splitlines()
    assert "cores" in head and torch.__version__ in head
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert table[0] == list(run.COLUMNS) and len(table[1]) == len(run.COLUMNS)
    assert table[2:] == [
        ["bad", "before the crash", "3", "s", "", "no bar"],
        ["bad", "bad: ValueError: the reason", "-", "", "", "crashed"],
        ["good", "a ratio", "1.25", "x", "<= 2, aim 1.4", "met"],
        ["good", "slow", "8000", "ms", "<= 100", "not met"],
        ["good", "none", "-", "MB", "<= 9", "not measured"],
    ]
    assert (bars, slow) == ("1 of 2 bars not met", "- slow: 8000 ms, bar 100")
    assert crash == "- crashed: bad: ValueError: the reason" and "and more of it" in captured.err
    assert run.main(["--only", "good"]) == run.main(["--skip", "bad"]) == 0


def test_a_new_module_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "__path__", [*bench.__path__, str(tmp_path)])
    (tmp_path / "a_new_one.py").write_text("def rows(quick):\n    yield 'a row'\n")
    (tmp_path / "a_helper.py").write_text("SIZE = 3\n")
    (tmp_path / "a_broken_one.py").write_text("import no_such_module\n")
    found = run.find_benchmarks()
    assert {name for name in found if name.startswith("a_")} == {"a_new_one", "a_broken_one"}
    assert list(run.collect("a_new_one", found["a_new_one"], True)) == ["a row"]
    [row] = run.collect("a_broken_one", found["a_broken_one"], True)
    assert row.verdict() == "crashed" and "no_such_module" in row.name


@pytest.mark.browser
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.soak] * (n == "explorers")) for n in run.find_benchmarks()]
)
def test_each_benchmark_runs(name, chapters):
    rows = list(run.collect(name, run.find_benchmarks()[name], quick=True))
    assert rows and not [row for row in rows if row.crashed]
    assert len({row.name for row in rows}) == len(rows)
    if name == "explorers":
        assert [row.name for row in rows] == [
            f"08_good, explorer 1, {label}" for label in ("width", "height", "pointer in panel")
        ]
        assert min(row.value for row in rows) >= 79
    if name == "suite":
        assert (rows[-1].value, rows[-1].verdict()) == (3, "not met"), "the command's status is told"


def test_every_chapter_is_measured_and_one_that_fails_is_told(chapters, capsys):
    rows = list(scripts.rows(quick=False))
    assert [row.name for row in rows[:2]] == ["08_good, time", "08_good, peak memory"]
    assert rows[2].crashed and rows[2].name.startswith("09_bad")
    assert "as it should" in capsys.readouterr().err


def test_the_median_of_ratios_is_within_a_round():
    """The machine slows down by a factor of 10 per round: both sides alike, so the ratio stays 3."""
    now = [0.0]

    def side(seconds):
        slower = iter([1, 1, 1, 10, 100, 1000, 1e4])  # the first two calls warm up

        def work():
            now[0] += seconds * next(slower)

        return work

    assert measure.median_ratio(side(3.0), side(1.0), 5, lambda: now[0]) == pytest.approx(3)


def test_sides_that_differ_are_refused():
    sides = (lambda: [torch.ones(2)]), (lambda: [torch.full((2,), 1.01)])
    with pytest.raises(AssertionError, match="ours / theirs"):
        measure.compare("ours / theirs", *sides, quick=True)


def test_a_pair_is_compared_by_its_output_and_every_gradient():
    x, layer = torch.ones(3, 2, requires_grad=True), nn.Linear(2, 4)
    output, of_x, of_bias, of_weight = pairs.forward_and_backward(layer, [x])()
    assert [part.shape for part in (output, of_x, of_bias, of_weight)] == [(3, 4), (3, 2), (4,), (4, 2)]
    assert of_bias.abs().min() > 0 and torch.allclose(of_weight, of_bias[:, None].expand(4, 2))
    assert x.grad is None and layer.weight.grad is None, "nothing is added up from call to call"
