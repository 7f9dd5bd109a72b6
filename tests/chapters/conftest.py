"""Each `test_<name>.py` here gets the definitions of chapter `NN_<name>`, without its training."""

import pytest

from course import chapters


@pytest.fixture(scope="module")
def chapter(request):
    """The module of definitions of the chapter that its file is named after: `test_cnn.py` → `01_cnn`."""
    name = request.path.stem.removeprefix("test_")
    stems = [path.stem for path in chapters.paths()]
    matching = [stem for stem in stems if stem.split("_", 1)[1] == name]
    assert len(matching) == 1, f"{request.path.name} is named after none of the chapters {stems}"
    return chapters.load_definitions(matching[0])
