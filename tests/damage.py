"""Ways in which a test damages a file, and puts it right again."""

import io
from contextlib import contextmanager

DAMAGES = ("flipped", "cut", "emptied", "a folder", "unreadable", "missing")


def flips(content, count, chance):
    """`count` copies of the bytes, one bit of each flipped: the first byte's, the last one's, any."""
    places = [0, len(content) - 1, *(chance.randrange(len(content)) for _ in range(count - 2))]
    for place in places:
        bit = 1 << chance.randrange(8)
        yield content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


@contextmanager
def damaged(path, how, content=None):
    """The file is damaged in the block (`content` for a flipped one), and whole again after it."""
    whole, real_open = path.read_bytes(), io.open
    path.unlink()
    try:
        if how == "a folder":
            path.mkdir()
        elif how != "missing":
            path.write_bytes({"cut": whole[: len(whole) * 2 // 3], "emptied": b""}.get(how, content or whole))
        if how == "unreadable":  # permission bits would not stop root

            def refuse(file, *arguments, **settings):
                if str(file) == str(path):
                    raise PermissionError(13, "Permission denied", str(file))
                return real_open(file, *arguments, **settings)

            io.open = refuse
        yield
    finally:
        io.open = real_open
        if path.is_dir():
            path.rmdir()
        path.write_bytes(whole)


def content_of(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
