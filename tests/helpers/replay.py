"""The chapters' recorded tables, and how to repeat the first steps of a row."""

from course import chapters, results

# Chapter -> its RECORDED; and each of their tables, (chapter, name).
RECORDED = {path.stem: getattr(chapters.load_definitions(path), "RECORDED", {}) for path in chapters.paths()}
TABLES = [(chapter, name) for chapter, tables in RECORDED.items() for name in tables]


def replay(chapter, name, row, steps=results.FIRST_STEPS):
    """The first losses of a recorded row, as they were and as they are now.

    Args:
        chapter: number ("01") or name ("01_cnn").
        name: the entry of the chapter's RECORDED.
        row: its number in the recorded table.
        steps: how many steps, at most 20.
    Returns:
        (recorded, repeated): two lists of losses, which should agree to rtol 1e-3.
    """
    function, _ = chapters.load_definitions(chapter).RECORDED[name]
    kept = results.read_file(chapter, name)["rows"][row]
    repeated = next(function(**kept["arguments"], show=False, max_steps=steps))
    return kept["result"]["losses"][:steps], repeated[:steps]
