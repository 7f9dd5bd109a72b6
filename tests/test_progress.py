"""What a learner has solved: which checks count, nothing recorded is lost, and what is made of it."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course import exercises
from course.exercises.verdict import Result
from course.progress import ProgressError, record, table

SUITE = os.environ.get("COURSE_PROGRESS")  # before a test of this file changes it
ROOT = Path(__file__).resolve().parents[1]
KEY = "01_cnn.output_size"
EARLIER = "2026-01-31T12:00:00+00:00"


def right(n, kernel, stride, padding, dilation):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def wrong(n, kernel, stride, padding, dilation):
    return 1


def untouched(n, kernel, stride, padding, dilation):
    """The output length of a convolution along one axis, as an int."""
    raise NotImplementedError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of its own for each test, and no variable that says where the record is."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("COURSE_PROGRESS", "XDG_DATA_HOME", "RANK", "WORLD_SIZE", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(record, "_trouble", [])
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file that COURSE_PROGRESS names: checks are recorded there, in any process."""
    path = tmp_path / "a folder" / "mine.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


def check(function):
    return exercises.cnn.output_size.check(function).status


def entries(path):
    return json.loads(path.read_text())


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def standing(name="output_size"):
    return next(item for item in exercises.progress().items if item.exercise == name)


def test_the_suite_keeps_no_record():
    """Kernels and scripts that other tests start inherit this."""
    assert SUITE == ""


def test_solved_stays_solved(file):
    assert check(wrong) == "failed"
    assert entries(file)[KEY].keys() == {"first_solved", "status", "checked", "checks"}
    assert (entries(file)[KEY]["first_solved"], standing().status) == (None, "tried")
    assert check(right) == "passed"
    solved = entries(file)[KEY]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", solved["first_solved"])
    file.write_text(json.dumps({KEY: solved | {"first_solved": EARLIER, "checked": EARLIER}}))
    assert (check(wrong), check(right), check(wrong)) == ("failed", "passed", "failed")
    last = entries(file)[KEY]
    assert (last["first_solved"], last["status"], last["checks"]) == (EARLIER, "failed", 5)
    assert last["checked"] > EARLIER
    assert (standing().status, standing().checks) == ("solved", 5)


def test_what_does_not_count(file, monkeypatch):
    task = exercises.cnn.output_size
    assert check(untouched) == check(task.stub_function) == "not_attempted"
    assert check(task.solution_function) == "passed"  # of the course, not of a learner
    record.remember(task, right, Result("failed", "check_failed", "Our fault."))
    monkeypatch.setenv("RANK", "1")
    check(right)
    monkeypatch.delenv("RANK")
    monkeypatch.setenv("COURSE_PROGRESS", "")
    assert check(right) == "passed"
    assert exercises.progress().lines == ("No record is kept: COURSE_PROGRESS is empty.",)
    assert not file.parent.exists()


def test_an_exercise_of_no_chapter_is_not_recorded(file):
    class Stranger:
        name = "output_size"

    record.remember(Stranger(), right, Result("passed", None, ""))
    assert not file.exists() and not record._trouble


def test_scripts_and_tests_write_nothing(home):
    home.mkdir()
    assert check(right) == "passed"
    exercises.progress()
    code = f"from course import exercises; from {__name__} import right\n"
    code += "assert exercises.cnn.output_size.check(right).status == 'passed'; print(exercises.progress())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0 and "0 of 10 solved" in run.stdout, run.stderr
    assert files_below(home) == []


CELLS = """from course import exercises
def mine(n, kernel, stride, padding, dilation):
    raise NotImplementedError
exercises.cnn.output_size.check(mine)
# %%
from pathlib import Path
before = [path.name for path in Path.home().rglob("*progress*")]
before
# %%
def mine(n, kernel, stride, padding, dilation):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
exercises.cnn.output_size.check(mine)
# %%
exercises.progress()
"""


def run_in_kernel(folder, **variables):
    """The outputs of CELLS in a real kernel, each as a dict from MIME type to text."""
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS.split("# %%\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, kernel_name="python3", timeout=120)
    client.execute(env=os.environ | {"IPYTHONDIR": str(folder / "ipython")} | variables, cwd=str(folder))
    return [cell.outputs[-1]["data"] for cell in notebook.cells]


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is named otherwise")
def test_a_kernel_records_in_the_data_folder(tmp_path, home):
    home.mkdir()
    untouched, before, passed, shown = run_in_kernel(tmp_path)
    assert "Not attempted" in untouched["text/html"] and before["text/plain"] == "[]"
    assert "Passed" in passed["text/html"]
    saved = home / ".local" / "share" / "from-formula-to-model" / "progress.json"
    assert entries(saved)[KEY]["checks"] == 1 and entries(saved)[KEY]["first_solved"]
    assert "1 of 10 solved" in shown["text/html"] and "1 of 10 solved" in shown["text/plain"]


def test_a_kernel_of_this_suite_records_nothing(tmp_path, home):
    home.mkdir()
    *_, passed, shown = run_in_kernel(tmp_path, COURSE_PROGRESS="")
    assert "Passed" in passed["text/html"] and "No record is kept" in shown["text/html"]
    assert not list(home.rglob("*progress*"))


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "{home}/.local/share"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "{home}/.local/share"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "{home}/Library/Application Support"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_the_data_folder(platform, variables, expected, home, monkeypatch):
    monkeypatch.setattr(record.sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    folder = Path(expected.format(home=home))
    assert record.location() == folder / "from-formula-to-model" / "progress.json"


WORKER = """
import sys
from pathlib import Path
from course import exercises
from course.exercises.verdict import Result
from course.progress import record
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    for name in (sys.argv[1], "conv2d"):
        record.remember(getattr(exercises.cnn, name), len, Result("failed", "raised", ""))
        assert not record._trouble, record._trouble
"""


def start(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def test_two_kernels_lose_nothing(file):
    workers = [start(WORKER, name) for name in ("output_size", "max_pool2d")]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        _, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
    counts = {name: entry["checks"] for name, entry in entries(file).items()}
    assert counts == {KEY: 20, "01_cnn.max_pool2d": 20, "01_cnn.conv2d": 40}


KILLED = """
import os, signal, sys
from pathlib import Path
from course import exercises, files
from course.exercises.verdict import Result
from course.progress import record
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
def half(path, content):
    with open(path, "wb") as file:
        file.write(content[:len(content) // 2])
    die()
for number in range(5):
    if number == 2 and sys.argv[1] == "half written":
        Path.write_bytes = half
    if number == 2 and sys.argv[1] == "not yet in place":
        files.os.replace = die
    record.remember(exercises.cnn.output_size, len, Result("passed", None, ""))
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
@pytest.mark.parametrize("moment", ["half written", "not yet in place"])
def test_killed_in_mid_write(file, moment):
    worker = start(KILLED, moment)
    _, errors = worker.communicate(timeout=60)
    assert worker.returncode == -signal.SIGKILL, errors
    assert entries(file)[KEY]["checks"] == 2
    assert check(right) == "passed"  # nobody holds the lock of the dead
    assert entries(file)[KEY]["checks"] == 3


GOOD = {"first_solved": EARLIER, "status": "passed", "checked": EARLIER, "checks": 2}
DAMAGED = {
    "empty": b"",
    "truncated": json.dumps({KEY: GOOD}).encode()[:-10],
    "a list": b"[]",
    "null": b"null",
    "an entry that is none": json.dumps({KEY: 3}).encode(),
    "a field of another type": json.dumps({KEY: GOOD | {"checks": "2"}}).encode(),
    "a field missing": json.dumps({KEY: {"status": "passed"}}).encode(),
    "another status": json.dumps({KEY: GOOD | {"status": "not_attempted"}}).encode(),
    "not UTF-8": b'{"\xff\xfe": 1}',
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_set_aside(file, content, capsys):
    file.parent.mkdir()
    file.write_bytes(content)
    shown = exercises.progress()  # outside a kernel it changes nothing, as for a teacher who looks
    assert shown.lines == (f"The record {file} is damaged; the next check sets it aside.",)
    assert files_below(file.parent) == ["mine.json"] and file.read_bytes() == content
    assert check(right) == "passed"
    assert entries(file)[KEY]["checks"] == 1
    (aside,) = [path for path in file.parent.iterdir() if path.name.startswith("mine.2")]
    assert re.fullmatch(r"mine\.\d{4}-\d\d-\d\d\.json", aside.name) and aside.read_bytes() == content
    said = f"The record of your progress was damaged. It is kept as {aside}; a new one begins.\n"
    assert capsys.readouterr().out == said
    check(right)
    assert capsys.readouterr().out == "" and exercises.progress().lines == ()
    file.write_bytes(b"again")
    check(right)
    assert sorted(path.read_bytes() for path in file.parent.glob("mine.2*")) == sorted([content, b"again"])


def test_in_a_kernel_progress_sets_aside_too(file, monkeypatch):
    monkeypatch.setattr(record, "in_kernel", lambda: True)
    file.parent.mkdir()
    file.write_bytes(b"damaged")
    (line,) = exercises.progress().lines
    assert "was damaged" in line and next(file.parent.glob("mine.2*")).read_bytes() == b"damaged"
    assert exercises.progress().lines == ()


@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_folder_that_cannot_be_written(file, in_kernel, monkeypatch, capsys):
    monkeypatch.setattr(record, "in_kernel", lambda: in_kernel)
    file.parent.write_text("a file where the folder should be")
    assert check(right) == "passed"
    assert capsys.readouterr() == ("", "")
    shown = exercises.progress()
    assert len(shown.lines) == 1 and str(file.parent) in shown.lines[0]
    assert repr(shown).splitlines()[-1] == shown.lines[0]
    assert file.parent.read_text() == "a file where the folder should be"


@pytest.mark.skipif(record.fcntl is None, reason="there is no flock")
def test_a_lock_that_is_never_let_go_of(file, monkeypatch):
    check(wrong)
    monkeypatch.setattr(record, "PATIENCE", 0.1)
    with record._locked(file):
        assert check(right) == "passed"
    assert entries(file)[KEY]["checks"] == 1
    (line,) = exercises.progress().lines
    assert line == "The last check is not recorded: another program has not let go of the record."
    check(right)
    assert entries(file)[KEY]["checks"] == 2 and exercises.progress().lines == ()


def test_a_drive_without_locks(file, monkeypatch):
    def no_locks(*arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(record.fcntl, "flock", no_locks)
    assert check(right) == "passed" and entries(file)[KEY]["checks"] == 1


@pytest.fixture
def by_hand(file):
    """A record: two solved, one of them since broken again, two tried, and two that are no longer there."""
    failed = GOOD | {"status": "failed", "first_solved": None, "checks": 7}
    content = {
        KEY: GOOD,
        "01_cnn.conv2d": GOOD | {"status": "failed"},
        "01_cnn.max_pool2d": failed,
        "05_gan.pack": failed,
        "01_cnn.gone": GOOD,
        "gone": GOOD,
    }
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    return file


def test_the_numbers(by_hand):
    shown = exercises.progress()
    total = sum(len(found) for found in table.catalogue().values())
    assert [item.exercise for item in shown.items if item.status == "solved"] == ["conv2d", "output_size"]
    assert len(shown.items) == total and total >= 70
    text = re.sub(r"\n    ", " ", repr(shown)).splitlines()
    start = next(number for number, line in enumerate(text) if line.startswith("01_cnn"))
    assert text[start] == f"{'01_cnn':<16}  [####................]  2 of 10 solved"
    assert text[start + 1 : start + 3] == ["  solved: conv2d, output_size", "  tried: max_pool2d"]
    assert text[start + 3].startswith("  not yet tried: ") and text[start + 3].count(",") == 6
    assert text[-1] == f"All chapters: 2 of {total} solved"
    assert max(map(len, repr(shown).splitlines())) <= 88
    assert [line for line in text if line.startswith("05_gan")][0].endswith("]  0 of 14 solved")
    page = shown._repr_html_()
    assert page.count('<th scope="row">') == len(table.catalogue())
    assert 'aria-label="bar, 20 percent full"' in page and "2 of 10 solved" in page
    assert "gone" not in page + repr(shown) and "http" not in page
    before = entries(by_hand)
    check(right)
    after = entries(by_hand)
    assert after.pop(KEY)["checks"] == 3 and before.pop(KEY) and after == before


@pytest.mark.parametrize(("solved", "bar"), [(0, 0), (1, 1), (39, 19), (40, 20)])
def test_a_bar_is_full_only_when_all_is_solved(solved, bar):
    items = [table.Item("01", str(n), "solved" if n < solved else "tried", None, 1) for n in range(40)]
    assert repr(table.Progress(tuple(items), ())).splitlines()[0].count("#") == bar


def test_lines_are_escaped():
    assert "<p>a &lt;b&gt;</p>" in table.Progress((), ("a <b>",))._repr_html_()


def test_export(by_hand, tmp_path, monkeypatch):
    names = ('Ada "A", Lovelace', None)
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    files = [exercises.progress().export(tmp_path / f"{n}.csv", name) for n, name in enumerate(names)]
    total = len(exercises.progress().items)
    for file, learner in zip(files, ('Ada "A", Lovelace', "grace"), strict=True):
        with open(file, newline="") as lines:
            rows = {row["exercise"]: row for row in csv.DictReader(lines)}
        assert len(rows) == total and {row["learner"] for row in rows.values()} == {learner}
        assert tuple(rows["output_size"].values()) == (
            *(learner, "01_cnn", "output_size", "solved", EARLIER, "2"),
        )
        assert tuple(rows["max_pool2d"].values())[3:] == ("tried", "", "7")
        assert tuple(rows["adam"].values())[3:] == ("not yet tried", "", "0")
    # The line of docs/class.md that gathers a class.
    gather = ["awk", "FNR > 1 || NR == 1", *map(str, files)]
    together = subprocess.run(gather, check=True, capture_output=True, text=True).stdout
    rows = list(csv.reader(together.splitlines()))
    assert tuple(rows[0]) == table.COLUMNS and len(rows) == 1 + 2 * total


@pytest.mark.parametrize("content", [b"{", None], ids=["damaged", "a folder"])
def test_a_record_that_cannot_be_read_is_not_exported_as_nothing_solved(file, tmp_path, content):
    if content is None:
        file.mkdir(parents=True)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    command = [sys.executable, "-m", "course.progress", "--learner", "ada", "--export", tmp_path / "out.csv"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1 and not (tmp_path / "out.csv").exists()
    assert run.stderr.startswith("error: Nothing is written. ") and file.name in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_export_says_what_is_wrong(file, tmp_path, monkeypatch):
    with pytest.raises(ProgressError, match="^.*here cannot be written: Is a directory$"):
        (tmp_path / "here").mkdir()
        exercises.progress().export(tmp_path / "here", "ada")

    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(table.getpass, "getuser", nobody)
    with pytest.raises(ProgressError, match="^there is no login name: give the learner's name$"):
        exercises.progress().export(tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_command_line(by_hand, tmp_path):
    before = {name: (by_hand.parent / name).read_bytes() for name in files_below(by_hand.parent)}
    command = [sys.executable, "-m", "course.progress", "--learner", "ada", "--export"]
    run = subprocess.run([*command, tmp_path / "a.csv"], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    written = f"written: {tmp_path / 'a.csv'}"
    assert run.stdout == f"{exercises.progress()!r}\n{written}\n"
    header, first, *_ = (tmp_path / "a.csv").read_text().splitlines()
    assert header == "learner,chapter,exercise,status,first_solved,checks" and first.startswith("ada,00_")
    run = subprocess.run([*command, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, f"error: {tmp_path} cannot be written: Is a directory\n")
    # It only reads: a teacher who runs it over other people's files leaves nothing there.
    assert before == {name: (by_hand.parent / name).read_bytes() for name in files_below(by_hand.parent)}
