"""Write the repository's address wherever it stands: `python tools/links.py owner/name`.

pyproject.toml states it. In the files of `FILES`, its old `owner/name` is replaced by the new one, in
cells of notebooks too; outputs are left alone, nothing is executed, and a notebook that was in step with its
source stays so. The book's address, on GitHub Pages, is `https://owner.github.io/name/`. `--check` changes
nothing and names the files that hold another address.
"""

import argparse
import re
import sys
import tomllib

import nbformat

from course.files import write_whole
from notebooks import ROOT, NotebookError, hash_cells, set_ids, sources, stamp_of, states

FILES = ("pyproject.toml", "*.md", "*.cff", "docs/*.md", "notebooks/*.py", "course/start/*.py")
NAME = r"[A-Za-z0-9][\w-]*(?:/|%2F)[\w-][\w.-]*"
# Where only this repository's own address can stand; other addresses on GitHub are somebody else's.
PLACES = re.compile(
    r"(?:mybinder\.org/v2/gh/|colab\.research\.google\.com/github/|git\+https://github\.com/"
    rf"|(?:git clone|gitpuller) https://github\.com/|repo=https%3A%2F%2Fgithub\.com%2F)({NAME})"
)
# Others have pages there too; ours are linked as "the book".
BOOK = re.compile(r"\[[^\]\n]*\bbook\b[^\]\n]*\]\(https://([\w-]+)\.github\.io/([\w.-]+)/")


def stated():
    """The `owner/name` that pyproject.toml states."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/")


def files(*patterns):
    """The files of these patterns, a list of Paths."""
    return [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def replaced(text, old, new):
    """A text with one address in place of another; in an address within an address its slash is `%2F`."""
    was, now = ("https://{}.github.io/{}/".format(*name.split("/")) for name in (old, new))
    text = text.replace(was, now)
    for slash in ("/", "%2F"):
        was, now = (slash + name.replace("/", slash) for name in (old, new))
        text = re.sub(re.escape(was) + r"(?![\w-]|\.\w)", lambda found, now=now: now, text)
    return text


def write(new):
    """Put `new` in place of the address stated, everywhere.

    Raises:
        NotebookError: it is no `owner/name`, or a notebook was edited by hand; nothing is changed.
    """
    if not re.fullmatch(NAME, new) or new.endswith((".git", ".")):
        raise NotebookError(f"name it as on GitHub, make links REPO=owner/name, not {new!r}")
    old = stated()
    states(sources())  # refuses
    for path in files("notebooks/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        in_step = stamp_of(notebook) == hash_cells(notebook)
        for cell in notebook.cells:
            cell.source = replaced(cell.source, old, new)
        set_ids(notebook)
        if in_step:
            notebook.metadata["course"]["inputs"] = hash_cells(notebook)
        write_whole(path, nbformat.writes(notebook) + "\n")
    for path in files(*FILES):
        write_whole(path, replaced(path.read_text(encoding="utf-8"), old, new))


def check():
    """One line for each file with an address that is not the one stated."""
    lines = []
    for path in files(*FILES, "notebooks/*.ipynb"):
        text = path.read_text(encoding="utf-8")
        others = {found.replace("%2F", "/") for found in PLACES.findall(text)}
        others |= {"/".join(found) for found in BOOK.findall(text)}
        for other in others - {stated()}:
            lines.append(f"{path.relative_to(ROOT)}: has {other}, pyproject.toml {stated()}")
    return lines


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="write the repository's address everywhere it stands")
    parser.add_argument("repository", nargs="?", default="", help="owner/name, as on GitHub")
    parser.add_argument("--check", action="store_true", help="change nothing, say what differs")
    options = parser.parse_args(arguments)
    lines = []
    try:
        if options.check:
            lines = check()
        else:
            write(options.repository)
    except NotebookError as error:
        lines = [f"error: {error}"]
    for line in lines:
        print(line, file=sys.stderr)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
