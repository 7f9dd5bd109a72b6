"""What a learner has solved: which checks count, nothing recorded is lost, and what is made of it."""

import csv
import inspect
import json
import multiprocessing
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

from course import exercises, files, progress
from course.progress import Item, Progress
from tests.helpers.exercises import all_exercises

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


def pass_for_a_kernel(monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))


def check(function):
    return exercises.cnn.output_size.check(function).status


def entries(path):
    return json.loads(path.read_text())


def test_the_suite_keeps_no_record():
    """Kernels and scripts that other tests start inherit this."""
    assert SUITE == ""


def test_each_exercise_is_recorded_under_its_chapter_and_name():
    found = exercises.catalogue()
    keys = {exercise.key for exercise in all_exercises().values()}
    assert keys == {f"{chapter}.{name}" for chapter, names in found.items() for name in names}
    assert list(found) == sorted(found) and KEY in keys


def test_solved_stays_solved(file):
    def standing():
        return next(item for item in exercises.progress().items if item.exercise == "output_size")

    assert check(wrong) == "failed"
    assert entries(file)[KEY].keys() == {"first_solved", "status", "checked", "checks"}
    assert standing() == Item("01_cnn", "output_size", "tried", None, 1)
    assert check(right) == "passed"
    solved = entries(file)[KEY]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", solved["first_solved"])
    file.write_text(json.dumps({KEY: solved | {"first_solved": EARLIER, "checked": EARLIER}}))
    assert (check(wrong), check(right), check(wrong)) == ("failed", "passed", "failed")
    assert entries(file)[KEY]["status"] == "failed" and entries(file)[KEY]["checked"] > EARLIER
    assert standing() == Item("01_cnn", "output_size", "solved", EARLIER, 5)


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


CELL = f"from course import exercises\n{inspect.getsource(right)}exercises.cnn.output_size.check(right)"


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is named otherwise")
def test_a_kernel_records_in_the_data_folder(tmp_path, home):
    cells = [nbformat.v4.new_code_cell(text) for text in (CELL, "exercises.progress()")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    environment = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython")}
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute(env=environment, cwd=str(tmp_path))
    passed, shown = (cell.outputs[0]["data"] for cell in notebook.cells)
    assert "Passed" in passed["text/html"]
    assert "1 of 10 solved" in passed["text/html"] and "1 of 10 solved" in passed["text/plain"]
    assert "1 of 10 solved" in shown["text/html"] and "1 of 10 solved" in shown["text/plain"]
    saved = home / ".local" / "share" / "from-formula-to-model" / "progress.json"
    assert entries(saved)[KEY]["checks"] == 1


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


POSIX = pytest.mark.skipif(os.name != "posix", reason="there is no fork")


def record_often(start, *names):
    start.wait()
    for _ in range(20):
        for name in names:
            progress.remember(name, right, PASSED)


@POSIX
def test_two_kernels_lose_nothing(file, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60)  # timing never decides
    fork = multiprocessing.get_context("fork")
    start, both = fork.Barrier(2), "01_cnn.conv2d"
    writers = [fork.Process(target=record_often, args=(start, own, both)) for own in (KEY, "01_cnn.pool")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    counts = {name: entry["checks"] for name, entry in entries(file).items()}
    assert counts == {KEY: 20, "01_cnn.pool": 20, both: 40}


def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def write_half(path, content):
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    die()


@POSIX
@pytest.mark.parametrize(
    ("owner", "name", "fault"), [(Path, "write_bytes", write_half), (os, "replace", die)]
)
def test_killed_in_mid_write(file, owner, name, fault, monkeypatch):
    check(wrong)
    with monkeypatch.context() as faulty:
        faulty.setattr(owner, name, fault)
        writer = multiprocessing.get_context("fork").Process(
            target=progress.remember, args=(KEY, right, PASSED)
        )
        writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL and entries(file)[KEY]["checks"] == 1
    assert check(right) == "passed"  # nobody holds the lock of the dead
    assert entries(file)[KEY]["checks"] == 2


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


def test_in_a_kernel_progress_sets_aside_too(file, monkeypatch):
    pass_for_a_kernel(monkeypatch)
    file.parent.mkdir()
    file.write_bytes(b"damaged")
    [line] = exercises.progress().lines
    assert "was damaged" in line and next(file.parent.glob("mine.2*")).read_bytes() == b"damaged"
    assert exercises.progress().lines == ()


@pytest.mark.parametrize("where", ["a kernel", "a script"])
def test_a_folder_that_cannot_be_written(file, where, monkeypatch, capsys):
    if where == "a kernel":
        pass_for_a_kernel(monkeypatch)
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
    content = {KEY: GOOD, "01_cnn.conv2d": GOOD | {"status": "failed"}, "01_cnn.gone": GOOD, "gone": GOOD}
    content |= {"01_cnn.max_pool2d": failed, "05_gan.pack": failed}
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    return file


def test_the_record_becomes_items_and_keeps_what_this_version_does_not_know(by_hand):
    shown, before = exercises.progress(), entries(by_hand)
    names = [(chapter, name) for chapter, names in exercises.catalogue().items() for name in names]
    assert [(item.chapter, item.exercise) for item in shown.items] == names
    found = {
        item.exercise: (item.status, item.first_solved, item.checks) for item in shown.items if item.checks
    }
    solved, tried = ("solved", EARLIER, 2), ("tried", None, 7)
    assert found == {"conv2d": solved, "output_size": solved, "max_pool2d": tried, "pack": tried}
    check(right)
    after = entries(by_hand)
    assert after.pop(KEY)["checks"] == 3 and before.pop(KEY) and after == before


SHOWN = """\
1 · CNN: how a network sees an image
  [#...................]  1 of 40 solved
  solved: A <title>
  tried: exercise_1; exercise_2; exercise_3; exercise_4; exercise_5; exercise_6;
    exercise_7; exercise_8; exercise_9
  not yet tried: """


@pytest.mark.parametrize(("solved", "bar"), [(0, 0), (1, 1), (39, 19), (40, 20)])
def test_what_is_shown(solved, bar):
    statuses = ["solved"] * solved + ["tried"] * (10 - solved) + ["not yet tried"] * 40
    items = [Item("01_cnn", f"exercise_{i}", statuses[i], None, 1) for i in range(40)]
    others = [Item("02_rnn", "a", "not yet tried", None, 0), Item("77_new", "b", "tried", None, 1)]
    shown = Progress((*items, *others), ("a <b>",), titles={"01_cnn.exercise_0": "A <title>"})
    lines = repr(shown).splitlines()
    assert lines[1] == f"  [{'#' * bar:.<20}]  {solved} of 40 solved"
    assert lines[-2:] == [f"All chapters: {solved} of 42 solved", "a <b>"] and max(map(len, lines)) <= 88
    assert solved != 1 or repr(shown).startswith(SHOWN)
    page = shown._repr_html_()
    assert "http" not in page and "<p>a &lt;b&gt;</p>" in page and "A &lt;title&gt;</li>" in page
    assert f"width: {100 * solved // 40}%;" in page and f"{solved} of 40 solved" in page
    # In order, each with its mark; unfolded is what was begun, and a chapter without a card has its name.
    told = re.findall(r'aria-label="([\w ]+)"[^>]*>.</span> (?:A &lt;title&gt;|\w+)</li>', page)
    assert told == [*statuses[:40], "not yet tried", "tried"]
    assert re.findall(r"<details( open)?>.*?</strong>", page) == [" open", "", " open"]
    assert "<strong>2 · RNN: what a network remembers</strong>" in page and "<strong>77_new</strong>" in page


def test_a_verdict_tells_the_chapters_count_and_the_next_exercise(by_hand):
    def steps(function):
        return exercises.cnn.output_size.check(function).steps

    change, count = steps(wrong)
    assert change.startswith("Change `my_output_size` and run") and "`_.arguments` holds" in change
    assert count == "2 of 10 solved in this chapter."
    # Of the two that follow, the first is solved.
    assert steps(right) == ("2 of 10 solved in this chapter.", "Next: The gradient for the kernel, by hand")
    names = exercises.catalogue()["01_cnn"]
    by_hand.write_text(json.dumps({f"01_cnn.{name}": GOOD for name in names}))
    count, whole = steps(right)
    assert count == "10 of 10 solved in this chapter." and whole.startswith("The whole chapter is solved")


def test_the_next_exercise_may_stand_before_this_one(by_hand):
    names = list(exercises.catalogue()["01_cnn"])
    by_hand.write_text(json.dumps({f"01_cnn.{name}": GOOD for name in names[1:]}))
    solution = exercises.cnn.depthwise_separable.worked
    mine = FunctionType(solution.__code__, solution.__globals__ | {"__name__": "__main__"})
    result = exercises.cnn.depthwise_separable.check(mine)
    assert result.steps == ("9 of 10 solved in this chapter.", "Next: How long is the output?"), result


def test_a_verdict_that_is_not_recorded_tells_no_count(monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "")
    assert exercises.cnn.output_size.check(right).steps == ()
    assert exercises.cnn.output_size.check(untouched).steps == ()
    [step] = exercises.cnn.output_size.check(wrong).steps
    assert step.startswith("Change `my_output_size`")


def test_export(by_hand, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    learners = {'Ada "A", Lovelace': tmp_path / "ada.csv", None: tmp_path / "grace.csv"}
    written = [exercises.progress().export(path, learner) for learner, path in learners.items()]
    # The line of docs/class.md that gathers a class.
    gather = ["awk", "FNR > 1 || NR == 1", *map(str, written)]
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


def refuse(*arguments):
    raise OSError("No username set in the environment")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda file: file.mkdir(parents=True), "Nothing is written. .*mine.json"),
        (lambda file: files.write_whole(file, "{"), "Nothing is written. .*mine.json is damaged"),
        (lambda file: None, "there is no login name: give the learner's name$"),
    ],
)
def test_what_cannot_be_read_or_named_is_not_exported(file, damage, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress.getpass, "getuser", refuse)
    damage(file)
    assert progress.main(exercises.progress, ["--export", str(tmp_path / "out.csv")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert re.match(f"error: {complaint}", line) and not (tmp_path / "out.csv").exists()


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
