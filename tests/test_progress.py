"""What a learner has solved: which checks count, nothing recorded is lost, and what is made of it."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import FunctionType, SimpleNamespace

import IPython
import nbformat
import pytest
from nbclient import NotebookClient

from course import exercises, progress
from course.progress import Item, Progress, ProgressError

SUITE = os.environ.get("COURSE_PROGRESS")  # before a test of this file changes it
KEY = "01_cnn.output_size"
EARLIER = "2026-01-31T12:00:00+00:00"
PASSED = SimpleNamespace(status="passed", diagnosis=None)


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
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("COURSE_PROGRESS", "XDG_DATA_HOME", "RANK", "WORLD_SIZE", "JUPYTERHUB_USER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file that COURSE_PROGRESS names: checks are recorded there, in any process."""
    path = tmp_path / "a folder" / "mine.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


@pytest.fixture
def in_kernel(monkeypatch):
    """This process passes for a Jupyter kernel."""
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))


def check(function):
    return exercises.cnn.output_size.check(function).status


def entries(path):
    return json.loads(path.read_text())


def standing():
    return next(item for item in exercises.progress().items if item.exercise == "output_size")


def test_the_suite_keeps_no_record():
    """Kernels and scripts that other tests start inherit this."""
    assert SUITE == ""


def test_each_exercise_is_recorded_under_its_chapter_and_name():
    found = exercises.catalogue()
    keys = [exercise.key for chapter in found.values() for exercise in chapter.values()]
    assert keys == [f"{chapter}.{name}" for chapter, names in found.items() for name in names]
    assert list(found) == sorted(found) and KEY in keys


def test_solved_stays_solved(file):
    assert check(wrong) == "failed"
    assert entries(file)[KEY].keys() == {"first_solved", "status", "checked", "checks"}
    assert (standing().first_solved, standing().status) == (None, "tried")
    assert check(right) == "passed"
    solved = entries(file)[KEY]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", solved["first_solved"])
    file.write_text(json.dumps({KEY: solved | {"first_solved": EARLIER, "checked": EARLIER}}))
    assert (check(wrong), check(right), check(wrong)) == ("failed", "passed", "failed")
    assert entries(file)[KEY]["status"] == "failed" and entries(file)[KEY]["checked"] > EARLIER
    assert (standing().status, standing().first_solved, standing().checks) == ("solved", EARLIER, 5)


def test_what_does_not_count(file, monkeypatch):
    assert check(untouched) == "not_attempted"
    ours = FunctionType(right.__code__, {"__name__": "course.exercises.cnn.output_length"})
    assert check(ours) == "passed"
    progress.remember(KEY, right, SimpleNamespace(status="failed", diagnosis="check_failed"))
    progress.remember(None, right, PASSED)  # an exercise of no chapter
    with monkeypatch.context() as above_rank_0:
        above_rank_0.setenv("RANK", "1")
        check(right)
    assert exercises.progress().lines == ()
    monkeypatch.setenv("COURSE_PROGRESS", "")
    assert check(right) == "passed"
    assert exercises.progress().lines == ("No record is kept: COURSE_PROGRESS is empty.",)
    assert not file.parent.exists()


def test_scripts_and_tests_write_nothing(home):
    assert check(right) == "passed"
    assert "0 of 10 solved" in repr(exercises.progress()) and not list(home.iterdir())


CELLS = """from course import exercises
def mine(n, kernel, stride, padding, dilation):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
exercises.cnn.output_size.check(mine)
# %%
exercises.progress()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is named otherwise")
def test_a_kernel_records_in_the_data_folder(tmp_path, home):
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS.split("# %%\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    environment = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")}
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute(env=environment, cwd=str(tmp_path))
    passed, shown = (cell.outputs[-1]["data"] for cell in notebook.cells)
    assert "Passed" in passed["text/html"]
    saved = home / ".local" / "share" / "from-formula-to-model" / "progress.json"
    assert entries(saved)[KEY]["checks"] == 1 and entries(saved)[KEY]["first_solved"]
    assert "1 of 10 solved" in shown["text/html"] and "1 of 10 solved" in shown["text/plain"]


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
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    folder = Path(expected.format(home=home))
    assert progress.location() == folder / "from-formula-to-model" / "progress.json"


WRITER = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from course import files, progress

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, content):
    with open(path, "wb") as file:
        file.write(content[:len(content) // 2])
    die()

how, *names = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    if number == 2 and how == "half written":
        Path.write_bytes = half
    if number == 2 and how == "not yet in place":
        files.os.replace = die
    for name in names:
        progress.remember(name, len, SimpleNamespace(status="failed", diagnosis=None))
"""


def start_writer(how, *names):
    command = [sys.executable, "-c", WRITER, how, *names]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writer = subprocess.Popen(command, text=True, **pipes)
    assert writer.stdout.readline() == "ready\n"
    return writer


def test_two_kernels_lose_nothing(file):
    writers = [start_writer("to the end", name, "01_cnn.conv2d") for name in (KEY, "01_cnn.max_pool2d")]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    counts = {name: entry["checks"] for name, entry in entries(file).items()}
    assert counts == {KEY: 20, "01_cnn.max_pool2d": 20, "01_cnn.conv2d": 40}


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
@pytest.mark.parametrize("moment", ["half written", "not yet in place"])
def test_killed_in_mid_write(file, moment):
    writer = start_writer(moment, KEY)
    _, errors = writer.communicate("go\n", timeout=60)
    assert writer.returncode == -signal.SIGKILL, errors
    assert entries(file)[KEY]["checks"] == 2
    assert check(right) == "passed"  # nobody holds the lock of the dead
    assert entries(file)[KEY]["checks"] == 3


GOOD = {"first_solved": EARLIER, "status": "passed", "checked": EARLIER, "checks": 2}
DAMAGED = {
    "empty": b"",
    "truncated": json.dumps({KEY: GOOD}).encode()[:-10],
    "a list": b"[]",
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
    assert file.read_bytes() == content and list(file.parent.iterdir()) == [file]
    check(right)
    assert entries(file)[KEY]["checks"] == 1 and exercises.progress().lines == ()
    [aside] = file.parent.glob("mine.2*")
    assert re.fullmatch(r"mine\.\d{4}-\d\d-\d\d\.json", aside.name) and aside.read_bytes() == content
    said = f"The record of your progress was damaged. It is kept as {aside}; a new one begins.\n"
    assert capsys.readouterr().out == said


def test_in_a_kernel_progress_sets_aside_too(file, in_kernel):
    file.parent.mkdir()
    file.write_bytes(b"damaged")
    [line] = exercises.progress().lines
    assert "was damaged" in line and next(file.parent.glob("mine.2*")).read_bytes() == b"damaged"
    assert exercises.progress().lines == ()


@pytest.mark.parametrize("where", ["a kernel", "a script"])
def test_a_folder_that_cannot_be_written(file, where, request, capsys):
    if where == "a kernel":
        request.getfixturevalue("in_kernel")
    file.parent.write_text("a file where the folder should be")
    assert check(right) == "passed" and capsys.readouterr() == ("", "")
    shown = exercises.progress()
    assert len(shown.lines) == 1 and str(file.parent) in shown.lines[0]
    assert repr(shown).splitlines()[-1] == shown.lines[0]
    file.parent.unlink()
    assert check(right) == "passed" and exercises.progress().lines == ()


@pytest.mark.skipif(progress.fcntl is None, reason="there is no flock")
def test_a_lock_that_is_never_let_go_of(file, monkeypatch):
    check(wrong)
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    [lock] = file.parent.glob(".*.lock")
    with lock.open("r+") as held:
        progress.fcntl.flock(held, progress.fcntl.LOCK_EX)
        assert check(right) == "passed"
    assert entries(file)[KEY]["checks"] == 1
    [line] = exercises.progress().lines
    assert line == "The last check is not recorded: another program has not let go of the record."
    check(right)
    assert entries(file)[KEY]["checks"] == 2 and exercises.progress().lines == ()


@pytest.mark.skipif(progress.fcntl is None, reason="there is no flock")
def test_a_drive_without_locks(file, monkeypatch):
    def no_locks(*arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(progress.fcntl, "flock", no_locks)
    assert check(right) == "passed" and entries(file)[KEY]["checks"] == 1


@pytest.fixture
def by_hand(file):
    """A record of two solved and two tried exercises, and of two that this version does not have."""
    failed = {"first_solved": None, "status": "failed", "checked": EARLIER, "checks": 7}
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
    shown, catalogue, before = exercises.progress(), exercises.catalogue(), entries(by_hand)
    total = sum(map(len, catalogue.values()))
    assert [item.exercise for item in shown.items if item.status == "solved"] == ["conv2d", "output_size"]
    text = re.sub(r"\n    ", " ", repr(shown))
    assert (
        f"""\n{"01_cnn":<16}  [####................]  2 of 10 solved
  solved: conv2d, output_size
  tried: max_pool2d
  not yet tried: """
        in text
    )
    assert (
        text.endswith(f"\nAll chapters: 2 of {total} solved") and "]  0 of 14 solved\n  tried: pack" in text
    )
    assert max(map(len, repr(shown).splitlines())) <= 88
    page = shown._repr_html_()
    assert page.count('<th scope="row">') == len(catalogue)
    assert 'aria-label="bar, 20 percent full"' in page and "2 of 10 solved" in page
    assert "gone" not in page + repr(shown) and "http" not in page
    check(right)
    after = entries(by_hand)
    assert after.pop(KEY)["checks"] == 3 and before.pop(KEY) and after == before


@pytest.mark.parametrize(("solved", "bar"), [(0, 0), (1, 1), (39, 19), (40, 20)])
def test_a_bar_is_full_only_when_all_is_solved(solved, bar):
    items = [Item("01", str(n), "solved" if n < solved else "tried", None, 1) for n in range(40)]
    assert repr(Progress(tuple(items), ())).splitlines()[0].count("#") == bar


def test_lines_are_escaped():
    assert "<p>a &lt;b&gt;</p>" in Progress((), ("a <b>",))._repr_html_()


def test_export(by_hand, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    learners = {'Ada "A", Lovelace': tmp_path / "ada.csv", None: tmp_path / "grace.csv"}
    files = [exercises.progress().export(path, learner) for learner, path in learners.items()]
    # The line of docs/class.md that gathers a class.
    gather = ["awk", "FNR > 1 || NR == 1", *map(str, files)]
    together = subprocess.run(gather, check=True, capture_output=True, text=True).stdout
    head, *rows = csv.reader(together.splitlines())
    assert head == ["learner", "chapter", "exercise", "status", "first_solved", "checks"]
    assert len(rows) == 2 * len(exercises.progress().items)
    for learner in ('Ada "A", Lovelace', "grace"):
        for chapter, exercise, *rest in (
            ("01_cnn", "output_size", "solved", EARLIER, "2"),
            ("01_cnn", "max_pool2d", "tried", "", "7"),
            ("00_foundations", "adam", "not yet tried", "", "0"),
        ):
            assert [learner, chapter, exercise, *rest] in rows


def test_without_a_name_nothing_is_exported(file, tmp_path, monkeypatch):
    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(progress.getpass, "getuser", nobody)
    with pytest.raises(ProgressError, match="^there is no login name: give the learner's name$"):
        exercises.progress().export(tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("how", ["damaged", "a folder"])
def test_a_record_that_cannot_be_read_is_not_exported_as_nothing_solved(file, tmp_path, how, capsys):
    if how == "a folder":
        file.mkdir(parents=True)
    else:
        file.parent.mkdir()
        file.write_bytes(b"{")
    assert progress.main(exercises.progress, ["--learner", "ada", "--export", str(tmp_path / "out.csv")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Nothing is written. ") and file.name in line
    assert not (tmp_path / "out.csv").exists()


def test_command_line(by_hand, tmp_path, capsys):
    """It prints and exports, and only reads the record; run as a program, it says what it cannot write."""
    before = by_hand.read_bytes()
    assert progress.main(exercises.progress, ["--export", str(tmp_path / "a.csv")]) == 0
    assert capsys.readouterr().out == f"{exercises.progress()}\nwritten: {tmp_path / 'a.csv'}\n"
    command = [sys.executable, "-m", "course.progress", "--learner", "ada", "--export", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True)
    error = f"error: {tmp_path} cannot be written: Is a directory\n"
    assert (run.returncode, run.stdout, run.stderr) == (1, f"{exercises.progress()}\n", error)
    assert list(by_hand.parent.iterdir()) == [by_hand] and by_hand.read_bytes() == before
