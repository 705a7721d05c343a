"""A run is trained by the code that it is known by, whenever that was imported and edited."""

import importlib
import os
import sys
from importlib.machinery import SourceFileLoader

import pytest

from dissect.composing.code import code_of
from dissect.composing.imported import as_imported, check_imported
from dissect.errors import InputError

CONFIG = {"model": {"_target_": "mine.Net"}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes modules into a folder from which they are imported, each time with a later date."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    dates = iter(range(1_700_000_000, 1_800_000_000, 100))

    def write(folder=tmp_path, **files: str) -> None:
        for name, text in files.items():
            path = folder / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            date = next(dates)
            os.utime(path, (date, date))
        importlib.invalidate_caches()

    yield write
    for name in ("mine", "blocks"):
        sys.modules.pop(name, None)


def known() -> dict[str, str]:
    return code_of(["mine.Net"]).digests


def test_an_edit_before_the_import_is_refused_and_one_of_a_comment_is_none(project):
    project(mine="Net = 1")
    asked = known()
    project(mine="Net = 1  # one")
    check_imported(asked, CONFIG)
    project(mine="Net = 2")
    with pytest.raises(InputError, match=r"mine.py: has changed since this run was asked for.*ask again"):
        check_imported(asked, CONFIG)


def test_an_edit_after_the_import_leaves_what_was_imported(project):
    project(mine="Net = 1")
    asked = known()
    importlib.import_module("mine")
    check_imported(asked, CONFIG)
    project(mine="Net = 2")
    check_imported(asked, CONFIG)
    assert as_imported(code_of(["mine.Net"])) == asked
    with pytest.raises(InputError, match=r"mine.py: has changed since"):  # asked for now, and not what is imported
        check_imported(known(), CONFIG)


def test_a_module_that_a_notebook_imported_before_it_was_edited_is_refused_until_it_is_reloaded(project):
    project(mine="Net = 1")
    module = importlib.import_module("mine")
    project(mine="Net = 2")
    with pytest.raises(InputError, match=r"has imported mine from an older or another file.*restart its kernel"):
        check_imported(known(), CONFIG)
    importlib.reload(module)
    check_imported(known(), CONFIG)
    project(mine="Net = 3")
    importlib.reload(module)
    check_imported(known(), CONFIG)


def test_where_another_loader_makes_the_bytecode_an_old_one_proves_nothing(project):
    project(mine="Net = 1")
    importlib.import_module("mine")
    project(mine="Net = 2")
    sys.modules["mine"].__spec__.loader = Hooked("mine", sys.modules["mine"].__file__)
    check_imported(known(), CONFIG)


class Hooked(SourceFileLoader):
    pass


def test_a_module_of_this_name_from_another_folder_is_refused(project, tmp_path, monkeypatch):
    project(mine="Net = 1")
    importlib.import_module("mine")
    project(tmp_path / "other", mine="Net = 2")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    with pytest.raises(InputError, match="has imported mine from an older or another file"):
        check_imported(known(), CONFIG)


def test_what_is_imported_later_is_held_against_the_files_of_then(project):
    project(mine="def Net():\n    import blocks", blocks="width = 1")
    asked = known()
    module = importlib.import_module("mine")
    check_imported(asked, CONFIG)
    project(mine="def Net():\n    return 2", blocks="width = 2")  # mine is imported and blocks is not
    with pytest.raises(InputError, match=r"blocks.py: has changed"):
        check_imported(asked, CONFIG)
    project(blocks="width = 1")
    module.Net()
    check_imported(asked, CONFIG)


def test_without_own_code_there_is_nothing_to_hold():
    check_imported({}, {"model": {"_target_": "mine_that_is_nowhere.Net"}})
