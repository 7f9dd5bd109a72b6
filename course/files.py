"""Files that are never seen half done, never lost when damaged, and never read as something else.

Embedded data and recorded results lie in folders with a list of checksums, `SHA256SUMS`, that
`sha256sum -c SHA256SUMS` checks too.
"""

import datetime
import hashlib
import itertools
import os

SUMS = "SHA256SUMS"


class DataError(Exception):
    """A data file is missing, damaged or not what it should be; the message names the file and the cure."""


def sha256(content):
    """The checksum of bytes, in hexadecimal: the one kind that the course uses."""
    return hashlib.sha256(content).hexdigest()


def write_whole(path, content):
    """Write bytes, or a str as UTF-8, to a file whole or not at all; its folder is made. Returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def set_aside(path, pattern="{stem}.{date}{number}{suffix}"):
    """Rename a file to a name beside it that nothing has yet.

    Args:
        path: Path of a file that exists.
        pattern: the new name, of the old one's name, stem and suffix, the date, and a number that is empty
            for the first file of that name, then "-2", "-3", ...
    Returns:
        its new Path; by default `name.2026-01-31.json`, then `name.2026-01-31-2.json`.
    """
    parts = {"name": path.name, "stem": path.stem, "suffix": path.suffix, "date": datetime.date.today()}
    for count in itertools.count(1):
        number = f"-{count}" if count > 1 else ""
        aside = path.with_name(pattern.format(number=number, **parts))
        if not aside.exists():
            return path.rename(aside)


def read_checked(path, cure):
    """The bytes of a file, the same as when its line in its folder's SHA256SUMS was written.

    Args:
        cure: what to do where that fails: the message's last sentence.
    Raises:
        DataError: the file or the list cannot be read, or the checksum differs.
    """
    try:
        content = path.read_bytes()
        expected = _sums(path.parent).get(path.name, "nothing")
    except OSError as error:
        wrong = f"The file {error.filename or path} cannot be read ({error.strerror})"
        raise DataError(f"{wrong}. {cure}") from None
    found = sha256(content)
    if found != expected:
        raise DataError(
            f"The file {path} is damaged: its SHA-256 begins with {found[:12]}, {SUMS} says {expected[:12]} "
            f"({len(content):,} bytes read). {cure}"
        )
    return content


def write_checked(path, content):
    """Write a file whole, then its line in its folder's SHA256SUMS; arguments and result as `write_whole`.

    Killed between the two, the file counts as damaged, which writing it again cures.
    """
    write_whole(path, content)
    sums = path.with_name(SUMS)
    listed = _sums(path.parent) if sums.exists() else {}
    listed[path.name] = sha256(path.read_bytes())
    write_whole(sums, "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items())))
    return path


def _sums(folder):
    """Name → checksum, as a folder's SHA256SUMS lists them; of a damaged list, what is left."""
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
