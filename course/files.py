"""Write a file so that it is never seen half done, and set a damaged one aside so that it is never lost."""

import datetime
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


def set_aside(path):
    """Rename a file to a dated name beside it that nothing has yet.

    Args:
        path: Path of a file that exists.
    Returns:
        its new Path, `name.2026-01-31.json` or `name.2026-01-31-2.json`.
    """
    date = datetime.date.today().isoformat()
    number = 1
    while True:
        suffix = date if number == 1 else f"{date}-{number}"
        aside = path.with_name(f"{path.stem}.{suffix}{path.suffix}")
        if not aside.exists():
            return path.rename(aside)
        number += 1
