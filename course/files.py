"""Write a file so that it is never seen half done, and set a damaged one aside so that it is never lost."""

import datetime
import itertools
import os


def write_whole(path, content):
    """Write text or bytes to a file whole or not at all; its folder is made.

    Args:
        path: Path.
        content: str (written as UTF-8) or bytes.
    Returns:
        the path.
    """
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
    numbers = itertools.chain([""], (f"-{i}" for i in itertools.count(2)))
    asides = (path.with_name(pattern.format(number=number, **parts)) for number in numbers)
    return path.rename(next(aside for aside in asides if not aside.exists()))
