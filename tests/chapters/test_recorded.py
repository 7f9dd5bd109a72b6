"""Each chapter's recorded tables: whole, those of its RECORDED, and still what its recorders do."""

import json
import re
import zlib

import pytest

from course import results
from tests.helpers.replay import RECORDED, TABLES, replay

# Steps compared where fewer than 20 can be: on another kind of processor the roundings differ, and the
# training of a recurrent net amplifies them beyond any tolerance, here from the eleventh step on.
CHAOTIC = {"02_rnn": 10}


def test_every_file_is_a_table_of_its_chapter():
    for chapter, tables in RECORDED.items():
        assert {file.stem for file in (results.FILES / chapter).glob("*.json")} == tables.keys()


@pytest.mark.parametrize("chapter, name", TABLES)
def test_a_table_has_the_rows_that_its_chapter_asks_for(chapter, name):
    content, (_, arguments) = results.read_file(chapter, name), RECORDED[chapter][name]
    assert [row["arguments"] for row in content["rows"]] == arguments
    assert {"date", "machine", "versions", "recorded_by"} <= content.keys()
    assert not re.search(r"/(home|root|tmp|work|Users)/", json.dumps(content))
    losses = [tuple(row["result"]["losses"]) for row in content["rows"]]
    assert all(1 <= len(row) <= results.FIRST_STEPS for row in losses)
    assert len(set(losses)) >= len(losses) / 3  # rows that begin alike differ later, but most do not


@pytest.mark.parametrize("chapter, name", TABLES)
def test_the_first_steps_of_a_row_can_be_repeated(chapter, name):
    _, arguments = RECORDED[chapter][name]
    row = zlib.crc32(f"{chapter} {name}".encode()) % len(arguments)
    recorded, repeated = replay(chapter, name, row, CHAOTIC.get(chapter, results.FIRST_STEPS))
    assert len(recorded) == len(repeated) >= 1
    assert repeated == pytest.approx(recorded, rel=1e-3), f"row {row}"
