"""The bench driver and what the benchmarks share. No test looks at how long anything takes."""

import itertools
import math
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.benchmarks import bench_lab, bench_suite, measure, run
from tests.benchmarks.measure import Pair, Row


def stand_in(monkeypatch, **benchmarks):
    """Put functions rows(quick) in the place of all benchmarks."""
    modules = {
        f"tests.benchmarks.bench_{name}": types.SimpleNamespace(TITLE=f"About {name}", rows=rows)
        for name, rows in benchmarks.items()
    }
    monkeypatch.setattr(run, "NAMES", tuple(benchmarks))
    monkeypatch.setattr(run.importlib, "import_module", modules.__getitem__)


def good(quick):
    yield Row("a ratio", 1.25, "x", 2, 1.4)
    yield Row("a slow thing", 7000.4 if quick else 8000.0, "ms", 100)
    yield Row("a plain number", 0.5, "s")
    yield Row("not on this machine", math.nan, "MB", 1000)


def crashing(quick):
    yield Row("before the crash", 3.0, "s")
    raise ValueError("the reason\nand more of it")


def cells_of(output, name):
    """The texts of the row that begins with a name, split where two spaces stand."""
    (line,) = [one for one in output.splitlines() if one.startswith(name + " ")]
    return line.split(name)[1].split()


def test_rows_are_printed_below_their_heading_with_a_verdict(monkeypatch, capsys):
    stand_in(monkeypatch, good=good)
    assert run.main([]) == 0
    output = capsys.readouterr().out
    head, columns, empty, heading, *rest = output.splitlines()
    assert "cores" in head and torch.__version__ in head and "quick" not in head
    assert columns.split() == list(run.COLUMNS) and empty == "" and heading == "About good"
    assert cells_of(output, "a ratio") == ["1.25", "x", "<=", "2,", "aim", "1.4", "met"]
    assert cells_of(output, "a slow thing") == ["8000", "ms", "<=", "100", "not", "met"]
    assert cells_of(output, "a plain number") == ["0.5", "s", "no", "bar"]
    assert cells_of(output, "not on this machine") == ["-", "MB", "<=", "1000", "not", "measured"]
    # A verdict stands in the same column in every row.
    verdicts = ("met", "not met", "no bar", "not measured")
    assert {one.index(verdict) for one, verdict in zip(rest[:4], verdicts, strict=True)} == {
        columns.index("verdict")
    }
    assert rest[4:] == ["", "1 of 2 bars not met:", "  a slow thing: 8000 ms, bar 100"]


def test_a_crash_is_a_row_and_status_1_and_the_others_still_run(monkeypatch, capsys):
    stand_in(monkeypatch, crashing=crashing, good=good)
    assert run.main(["--quick"]) == 1
    captured = capsys.readouterr()
    assert cells_of(captured.out, "before the crash")[0] == "3"
    assert "crashing: ValueError: the reason  " in captured.out
    assert captured.out.splitlines()[-1] == "crashed: crashing: ValueError: the reason"
    assert cells_of(captured.out, "a slow thing")[0] == "7000", "the next benchmark ran, in its quick form"
    assert "Traceback" in captured.err and "and more of it" in captured.err


def test_a_benchmark_that_cannot_be_imported_is_a_row_too(monkeypatch, capsys):
    stand_in(monkeypatch, good=good)
    monkeypatch.setattr(run, "NAMES", ("missing", "good"))
    assert run.main([]) == 1
    output = capsys.readouterr().out
    assert "missing: KeyError: " in output and cells_of(output, "a ratio")


def test_only_and_skip_choose(monkeypatch, capsys):
    stand_in(monkeypatch, good=good, crashing=crashing)
    assert run.main(["--only", "good"]) == 0
    assert run.main(["--skip", "crashing"]) == 0
    assert "About crashing" not in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_an_unknown_name_is_one_clear_error(capsys, option):
    with pytest.raises(SystemExit) as ended:
        run.main([option, "gan", "no_such"])
    captured = capsys.readouterr()
    assert ended.value.code == 2 and captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: no benchmark no_such; there are: ") and line.endswith(", suite")


def test_output_is_markdown_with_every_row(monkeypatch, capsys, tmp_path):
    stand_in(monkeypatch, good=good, crashing=crashing)
    target = tmp_path / "new" / "measured.md"
    run.main(["--output", str(target)])
    text = target.read_text(encoding="utf-8")
    assert "## About good" in text and "| a ratio | 1.25 | x | <= 2, aim 1.4 | met |" in text
    assert "| before the crash | 3 | s |  | no bar |" in text and "| crashed |" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {len(run.COLUMNS) + 1}
    assert "- a slow thing: 8000 ms, bar 100" in text


def test_every_benchmark_is_in_the_driver_once():
    found = sorted(path.stem.removeprefix("bench_") for path in Path(run.__file__).parent.glob("bench_*.py"))
    assert found == sorted(run.NAMES)
    titles = [run.title_of(name) for name in run.NAMES]
    assert len(set(titles)) == len(titles) and not set(titles) & set(run.NAMES)


def test_the_verdict_turns_at_the_bar():
    values = {1.9: "met", 2.0: "met", 2.0001: "not met", math.nan: "not measured"}
    assert {value: Row("", value, "x", 2, 1).verdict() for value in values} == values
    assert Row("", 5.0, "x", aim=1).verdict() == "no bar" and Row("", 5.0, "x", aim=1).limits() == "aim 1"
    assert Row("", 0, "", 0).verdict() == "met" and Row("", 0, "", 0).limits() == "<= 0"
    assert Row("", math.nan, "", failure="why").verdict() == "crashed"


def test_percentiles_of_known_numbers():
    assert measure.percentile(range(101), 95) == 95
    assert measure.percentile([3, 1, 2], 50) == 2
    assert measure.percentile([7.0], 95) == 7.0
    values = np.random.default_rng(0).normal(size=50).tolist()
    for percent in (0, 5, 50, 95, 99, 100):
        assert measure.percentile(values, percent) == pytest.approx(np.percentile(values, percent), rel=1e-12)


@pytest.mark.parametrize("power", [0.0, 0.7, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power):
    sizes = [1000, 2000, 4000, 8000]
    assert measure.exponent(sizes, [3e-4 * n**power for n in sizes]) == pytest.approx(power, abs=1e-9)


def test_the_exponent_is_a_fit_and_not_the_two_ends():
    sizes, errors = [1, 2, 4, 8], [1.1, 0.9, 1.2, 0.95]
    times = [n * error for n, error in zip(sizes, errors, strict=True)]
    expected = np.polyfit(np.log(sizes), np.log(times), 1)[0]
    assert measure.exponent(sizes, times) == pytest.approx(expected, rel=1e-9)


class FakeClock:
    """A clock that stands still unless a side of a pair moves it."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def side(self, seconds):
        def run():
            self.now += next(seconds)

        return run


def test_the_median_of_ratios_is_within_a_round():
    """The machine slows down by a factor of 10 a round: both sides alike, so the ratio stays 3."""
    clock = FakeClock()
    slower = [1, 1, 1, 10, 100, 1000, 1e4]  # the first two calls warm up
    ours, theirs = (clock.side(iter([factor * seconds for factor in slower])) for seconds in (3.0, 1.0))
    assert measure.median_ratio(ours, theirs, 5, clock) == pytest.approx(3)


def test_short_work_is_repeated_within_a_timing():
    clock, calls = FakeClock(), itertools.count()

    def ours():
        next(calls)
        clock.now += 0.002

    measure.median_ratio(ours, clock.side(itertools.repeat(0.001)), 4, clock)
    assert next(calls) == 2 + 4 * round(measure.SHORTEST / 0.001)


def test_work_returns_the_output_and_every_gradient():
    x, plain = torch.ones(3, 2, requires_grad=True), torch.ones(3, 2)
    layer = nn.Linear(2, 4)
    output, of_x, of_bias, of_weight = measure.work(layer, x)()
    assert [part.shape for part in (output, of_x, of_bias, of_weight)] == [(3, 4), (3, 2), (4,), (4, 2)]
    upstream = of_bias  # the sum over the three rows
    assert upstream.abs().min() > 0 and torch.allclose(of_weight, upstream[:, None].expand(4, 2))
    assert len(measure.work(lambda a, b: (a * b, "weights"), x, plain)()) == 2, (
        "the first of a tuple, one gradient"
    )
    assert x.grad is None and layer.weight.grad is None, "nothing is added up from call to call"


def test_compare_refuses_sides_that_differ_and_restores_the_threads():
    before = torch.get_num_threads()
    one = Pair("ours / theirs", lambda: [torch.ones(2)], lambda: [torch.full((2,), 1.001)], bar=2)
    with pytest.raises(AssertionError, match="ours / theirs"):
        list(measure.compare([one], quick=True, threads=[1, 2]))
    assert torch.get_num_threads() == before
    same = Pair("ours / theirs", one.ours, one.ours, bar=2, aim=1)
    rows = list(measure.compare([same], quick=True, threads=[1, 2]))
    assert [row.name for row in rows] == ["ours / theirs, 1 thread", "ours / theirs, 2 threads"]
    assert all(row.value > 0 and (row.unit, row.bar, row.aim) == ("x", 2, 1) for row in rows)
    assert torch.get_num_threads() == before


REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_links" name="a" file="tests/test_links.py" time="0.5"/>
<testcase classname="tests.test_exercises" name="b" file="tests/test_exercises.py" time="2.0"/>
<testcase classname="tests.test_exercises" name="c" file="tests/test_exercises.py" time="1.0"><failure/>
</testcase>
<testcase classname="tests.chapters.test_cnn" name="d" file="tests/chapters/test_cnn.py" time="4.0"/>
<testcase classname="tests.explorers.test_cnn" name="e" time="8.0"/>
<testcase classname="notebooks.01_cnn.ipynb" name="Cell 1" file="notebooks/01_cnn.ipynb" time="16.0"/>
<testcase classname="tests.browser.test_lab" name="f" file="tests/browser/test_lab.py" time="32.0"><error/>
</testcase>
</testsuite></testsuites>"""


def test_the_suite_is_summed_by_part(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    parts, failed = bench_suite.summed(report)
    assert failed == 2
    assert parts == {
        bench_suite.OTHERS: (0.5, 1),
        "exercises": (3.0, 2),
        "chapters' code against PyTorch": (4.0, 1),
        "explorers": (8.0, 1),
        "notebooks (nbval)": (16.0, 1),
        "browser": (32.0, 1),
    }


def test_every_part_of_the_suite_has_tests():
    found = [*bench_suite.ROOT.glob("tests/**/test_*.py"), *bench_suite.ROOT.glob("notebooks/*.ipynb")]
    names = [path.relative_to(bench_suite.ROOT).as_posix() for path in found]
    for start in itertools.chain(*bench_suite.PARTS.values()):
        assert any(name.startswith(start) for name in names), start


def test_make_lab_runs_beside_the_users_own_copy(tmp_path):
    """In the folder for `make lab` the working copy lies there, and the environment is the checkout's."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    bench_lab.copy_checkout(folder)
    assert not (folder / "my").exists()
    # What course.workspace asks: the folder above `notebooks`, from where `course` really lies.
    course = (folder / "course" / "chapters.py").resolve()
    assert course.parents[1] == folder.resolve() and course.parents[1] != bench_lab.lab.ROOT
    # What tools/environment.py asks: the checkout, so that its stamp counts and nothing is installed.
    assert (folder / "tools" / "environment.py").resolve().parents[1] == bench_lab.lab.ROOT
    assert all((folder / name).exists() for name in ("Makefile", "notebooks/01_cnn.ipynb", "constraints.txt"))
