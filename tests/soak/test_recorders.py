"""Each recorder to its end, after a short training: what it measures is what its table holds."""

import pytest

from course import results
from tests.helpers.replay import RECORDED, TABLES

pytestmark = pytest.mark.soak
STEPS = 120  # at least so many: the means of 25 losses, and a choice among every tenth epoch, need them


@pytest.mark.parametrize("chapter, name", TABLES)
def test_a_recorder_measures_what_its_table_holds(chapter, name, monkeypatch):
    saved = {}
    monkeypatch.setattr(results, "save_weights", lambda chapter, name, weights: saved.update({name: weights}))
    function, rows = RECORDED[chapter][name]
    losses, measured = function(**rows[0], show=False, max_steps=STEPS)
    assert losses and all(isinstance(loss, float) for loss in losses)
    assert results.read_file(chapter, name)["rows"][0]["result"].keys() <= {"losses", *measured}
    for file, weights in saved.items():
        kept = results.load_weights(chapter, file)
        assert all(kept[key].shape == tensor.shape for key, tensor in weights.items())
