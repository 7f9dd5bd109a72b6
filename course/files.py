"""Write a file so that it is never seen half done."""

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
