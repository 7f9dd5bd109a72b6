"""Write the repository's address and the set-up cell wherever they stand: `tools/links.py [owner/name]`.

The address is kept in one place, `[project.urls] Repository` in pyproject.toml. The README's badges and clone
command, the page for a class, each chapter's launch links and its set-up cell follow it. Without a name it is
taken from the git remote `origin` where that is on GitHub, and else stays as it is. Nothing is executed: a
twin that was in step with its source stays in step. `--check` changes nothing, never looks at the remote, and
names what differs.
"""

import argparse
import re
import subprocess
import sys

import nbformat
from twins import ROOT, NotebookError, kept_in_step, sources

NAME = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}"
REPOSITORY = re.compile(rf'(?m)^(Repository = "https://github\.com/)({NAME})(?=")')
# In these pages only these places name this repository; other addresses on GitHub are somebody else's. Within
# an address that is a part of another the slash of `owner/name` is %2F.
PAGES = ("README.md", "docs/class.md")
PLACES = re.compile(
    r"((?:mybinder\.org/v2/gh|colab\.research\.google\.com/github|(?:git clone|gitpuller) https://github\.com)/"
    rf"|repo=https%3A%2F%2Fgithub\.com%2F)({NAME}|{NAME.replace('/', '%2F')})(?=[/\s])"
)
# The same blocks in a source, where prose is commented, and in a cell.
SETUP = re.compile(r"(?m)^# Set-up\. .*\n(?:(?!# %%).*\n)*?course\.setup\(\)$")
LAUNCH = re.compile(r"(?m)^(# )?Open this chapter in \[.*(?:\n(?:# )?· \[.*)*$")


class LinksError(Exception):
    """The links cannot be written; the message says why and what to do."""


def stated():
    """The address `owner/name` that pyproject.toml states.

    Raises:
        LinksError: it states none, or not one on GitHub.
    """
    found = REPOSITORY.search((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not found:
        raise LinksError('pyproject.toml needs a line `Repository = "https://github.com/owner/name"`')
    return found[2]


def on_github():
    """The `owner/name` of the git remote `origin`, or None where there is none or it lies elsewhere."""
    command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    found = re.fullmatch(rf"(?:https://|ssh://git@|git@)github\.com[:/]({NAME})/?", answer.stdout.strip())
    return found[1].removesuffix(".git") if found else None


def validate(name):
    """The name itself, if it has the form `owner/name`.

    Raises:
        LinksError: it has not.
    """
    if not re.fullmatch(NAME, name) or name.endswith((".git", "/.", "/..")):
        raise LinksError(f"REPO must be owner/name as on GitHub, for example REPO=ada/course, not {name!r}")
    return name


def setup_cell(name):
    """The text of the set-up cell that every chapter holds."""
    template = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
    return template.rstrip("\n").replace("OWNER/NAME", name)


def launch_addresses(name, chapter):
    """Where a reader opens one chapter elsewhere: a dict from the site's name to the address."""
    page = f"{name}/blob/main/notebooks/{chapter}.ipynb"
    return {
        "Colab": f"https://colab.research.google.com/github/{page}",
        "Kaggle": f"https://kaggle.com/kernels/welcome?src=https://github.com/{page}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/my/{chapter}.ipynb",
    }


def launch_links(name, chapter):
    """The same as the lines of Markdown at the head of the chapter."""
    links = [f"[{site}]({address})" for site, address in launch_addresses(name, chapter).items()]
    return [f"Open this chapter in {links[0]}", *(f"· {link}" for link in links[1:])]


def follow(text, name, chapter):
    """A chapter's source, or one cell's text, with launch links and set-up cell as they should be."""
    links = launch_links(name, chapter)
    text = LAUNCH.sub(lambda found: "\n".join((found[1] or "") + line for line in links), text)
    return SETUP.sub(lambda found: setup_cell(name), text)


def follow_twin(text, name, chapter):
    """The same for the text of an `.ipynb`; what stands in outputs is left alone."""
    notebook = nbformat.reads(text, as_version=4)
    sought = {"markdown": LAUNCH, "code": SETUP}
    changed = False
    for cell in notebook.cells:
        if cell.cell_type in sought and sought[cell.cell_type].search(cell.source):
            before, cell.source = cell.source, follow(cell.source, name, chapter)
            changed |= cell.source != before
    return nbformat.writes(notebook) + "\n" if changed else text


def plan(name):
    """What each file should hold: a dict from Path to (text now, text then)."""
    texts = {}
    for path, places in (("pyproject.toml", REPOSITORY), *((page, PLACES) for page in PAGES)):
        now = (ROOT / path).read_text(encoding="utf-8")
        texts[ROOT / path] = now, places.sub(lambda found: found[1] + _written_as(found[2], name), now)
    for source in sources():
        for path, rewrite in ((source, follow), (source.with_suffix(".ipynb"), follow_twin)):
            if path.exists():
                now = path.read_text(encoding="utf-8")
                texts[path] = now, rewrite(now, name, source.stem)
    return texts


def _written_as(before, name):
    return name.replace("/", "%2F") if "%2F" in before else name


def missing():
    """One line for each chapter that has not exactly one set-up cell and one block of launch links."""
    lines = []
    for source in sources():
        text = source.read_text(encoding="utf-8")
        for pattern, begin in ((SETUP, "# Set-up. "), (LAUNCH, "Open this chapter in [")):
            count = len(pattern.findall(text))
            if count != 1:
                lines.append(f"{source.name}: needs one block that begins with {begin!r}, and has {count}")
    return lines


def check():
    """One line for each thing in the checkout that does not follow the address that pyproject.toml states."""
    files = plan(stated()).items()
    differing = [str(path.relative_to(ROOT)) for path, (now, then) in files if now != then]
    return missing() + [f"{path}: does not follow pyproject.toml; run `make links`" for path in differing]


def write(name):
    """Write the address into every file that differs; returns their Paths."""
    differing = {path: then for path, (now, then) in plan(name).items() if now != then}
    touched = [source for source in sources() if {source, source.with_suffix(".ipynb")} & differing.keys()]
    with kept_in_step(touched):
        for path, then in differing.items():
            path.write_text(then, encoding="utf-8")
    return list(differing)


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="write the repository's address everywhere it stands")
    parser.add_argument("repository", nargs="?", help="owner/name; default: the git remote")
    parser.add_argument("--check", action="store_true", help="change nothing, say what differs")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            lines = check()
        else:
            name = options.repository or on_github() or stated()
            changed = write(validate(name))
            written = ", ".join(str(path.relative_to(ROOT)) for path in changed)
            print(f"{name}: {written or 'nothing to change'}")
            lines = missing()
    except (LinksError, NotebookError) as error:
        lines = [f"error: {error}"]
    for line in lines:
        print(line, file=sys.stderr)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
