"""Ways in which a test damages a file."""

import io

DAMAGES = ("flipped", "cut", "emptied", "a folder", "unreadable", "missing")


def flips(content, count, chance):
    """`count` copies of the bytes, one bit of each flipped: of the first byte, of the last one, of any.

    Args:
        content: bytes.
        count: int, at least 2.
        chance: random.Random.
    """
    places = [0, len(content) - 1, *(chance.randrange(len(content)) for _ in range(count - 2))]
    for place in places:
        bit = 1 << chance.randrange(8)
        yield content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]


def damage(path, how, monkeypatch):
    """Damage a file in one of DAMAGES; "flipped" is the last byte's lowest bit."""
    content = path.read_bytes()
    if how == "unreadable":  # permission bits would not stop root
        real_open = io.open

        def refuse(file, *arguments, **settings):
            if str(file) == str(path):
                raise PermissionError(13, "Permission denied", str(file))
            return real_open(file, *arguments, **settings)

        monkeypatch.setattr(io, "open", refuse)
        return
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how != "missing":
        damaged = {
            "flipped": content[:-1] + bytes([content[-1] ^ 1]),
            "cut": content[: len(content) * 2 // 3],
        }
        path.write_bytes(damaged.get(how, b""))
