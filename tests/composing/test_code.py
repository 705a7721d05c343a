"""What a run's code is known by: nothing of the user's is run to know it."""

import ast
import importlib.metadata
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dissect.composing import code
from dissect.composing.code import code_of
from dissect.composing.syntax import read_bytes, read_syntax, what_changed
from dissect.errors import InputError

RUNS = "import pathlib; pathlib.Path('ran').touch()\n"  # what no test may see happen


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder from which dissect is called; writes files there and looks that none of them ever ran."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**files: str | bytes) -> Path:
        for name, text in files.items():
            path = tmp_path / (name.replace("__in__", "/__init__").replace("_in_", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else (RUNS + text).encode())
        return tmp_path

    yield write
    assert not (tmp_path / "ran").exists()


def known(target: str = "mine.Net") -> dict[str, str]:
    return code_of([target]).digests


def test_a_module_and_all_that_it_imports_are_known_without_running(project):
    project(
        mine="import blocks, math\ndef f():\n    from late import x\n    import other.inner as o",
        blocks="import mine",  # a circle
        late="",
        other__in__="",
        other_in_inner="from . import beside\nfrom .beside import y",
        other_in_beside="",
        other_in_unused="",
        unused="",
    )
    assert list(known()) == ["blocks", "late", "mine", "other", "other.beside", "other.inner"]
    assert "mine" not in sys.modules


def test_an_edited_helper_is_other_code_and_only_that_one(project):
    project(mine="from blocks import conv", blocks="def conv(): return 3")
    before = known()
    project(blocks="def conv(): return 5")
    after = known()
    assert {name for name in after if after[name] != before[name]} == {"blocks"}


SAID = """class Net:
    '''A net.'''
    def f(self, a, b):
        x = {'a': a, "b": (b)}
        del x, a
        pass
"""


@pytest.mark.parametrize(
    "same",
    [
        SAID + "# the end\n",
        SAID.replace("        x = ", "        # why\n\n\n        x = "),
        SAID.replace("A net", "Another doc"),
        SAID.replace("    '''A net.'''\n", ""),
        SAID.replace("'a'", 'u"a"').replace("(b)", "b,\n"),
        SAID.replace("del x, a", "del (x, a)"),
        SAID.replace("        pass\n", ""),
        SAID.replace("    ", "\t"),
        SAID.replace("\n", "\r\n"),
        "\ufeff" + SAID,
    ],
)
def test_comments_formatting_and_docstrings_change_nothing(same):
    assert read_syntax(same.encode()).digest == read_syntax(SAID.encode()).digest
    assert what_changed({"mine.py": SAID}, {"mine.py": same}) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = ()"),
        ("x = 0.0", "x = -0.0"),
        ("def f(a, *, b): pass", "def f(a, b): pass"),
        ("f(*a)", "f(a)"),
        ("if a:\n    b\n    c", "if a:\n    b\nc"),
        ("if a:\n    b\nelse:\n    c", "if a:\n    b\n    c"),
        ("{**a}", "{a: a}"),
        ("x[1:]", "x[:1]"),
        ("import a, b", "import b, a"),
        ("from . import a", "from .. import a"),
        ("def f():\n    'doc'\n    return 'doc'", "def f():\n    'doc'\n    return 'cod'"),
        ("del (a, b), c", "del a, c"),
        ("try:\n    a\nexcept E:\n    b", "try:\n    a\nfinally:\n    b"),
        ("match a:\n    case 1: b", "match a:\n    case 2: b"),
        ("lambda: (yield)", "lambda: (yield 1)"),
    ],
)
def test_whatever_else_differs_is_other_code_and_is_named(before, after):
    assert ast.dump(ast.parse(before)) != ast.dump(ast.parse(after))
    assert read_syntax(before.encode()).digest != read_syntax(after.encode()).digest
    assert len(what_changed({"mine.py": before}, {"mine.py": after})) == 1


def test_what_changed_names_file_and_lines():
    before = "import math\n\n\ndef f(x):\n    y = x\n    y += 1\n    return y\n\n\nclass A:\n    b = 1\n"
    after = (
        "# new\nimport math\n\n\ndef f(x,\n      z):\n    y = x\n    return (\n        z)\n\n\nclass A:\n    b = 2\n"
    )
    assert what_changed({"mine.py": before}, {"mine.py": after}) == ["mine.py: lines 5-6, 8-9, 13 differ"]
    assert what_changed({"a.py": "x = 1\ny = 2\n"}, {"a.py": "x = 1\n"}) == ["a.py: what stood in line 2 is gone"]
    assert what_changed({"a.py": "x = 1"}, {"a.py": "x = 1\n\ny = 2"}) == ["a.py: line 3 differs"]
    assert what_changed({"a.py": "", "b.py": ""}, {"b.py": "", "c.py": ""}) == ["a.py: is gone", "c.py: is new"]
    assert what_changed({"a.py": "x = (\n"}, {"a.py": "x = (\n# z\n"}) == ["a.py: line 2 differs"]


def test_the_texts_to_keep_are_named_as_from_the_project(project):
    project(mine="import other.inner", other__in__="", other_in_inner=b"# coding: latin-1\nx = '\xe9'\n")
    found = code_of(["mine.Net"]).texts()
    assert list(found) == ["mine.py", "other/__init__.py", "other/inner.py"]
    assert "é" in found["other/inner.py"]


def test_a_source_in_another_encoding_is_read_by_its_coding_line(project):
    project(mine=b"# coding: latin-1\nx = '\xe9'\n")
    latin = known()
    project(mine="x = 'é'\n".encode())
    assert known() == latin


@pytest.mark.parametrize("broken", [b"def f(:\n", b"x = '\xe9'\n", b"\x00", b"x = " + b"9" * 5000, b"(" * 5000])
def test_a_file_that_does_not_parse_counts_by_its_bytes(project, broken):
    project(mine=broken)
    before = known()
    project(mine=broken + b"# a comment")
    assert known().keys() == before.keys() == {"mine"}
    assert known() != before


def test_deep_expressions_are_read(project):
    project(mine="x = " + "+".join(["1"] * 900) + "\nimport blocks", blocks="")
    assert list(known()) == ["blocks", "mine"]


def test_a_package_without_init_in_two_places_is_followed(project, tmp_path, monkeypatch):
    project(space_in_one="from space import two", space_in_deep_in_three="")
    (tmp_path / "other/space").mkdir(parents=True)
    (tmp_path / "other/space/two.py").write_text("import space.deep.three")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    assert list(known("space.one.Net")) == ["space.deep.three", "space.one", "space.two"]


@pytest.mark.parametrize(
    "target", ["missing.Net", "mine.missing.Net", "Net", "", ".", "..a", "a b.c", "mine..Net", "é.x"]
)
def test_what_is_not_there_is_passed_over(project, target):
    project(mine="import nowhere\nfrom ... import x\nfrom .y import z\nfrom nowhere.deep import *")
    assert set(known(target)) <= {"mine"}
    assert list(known()) == ["mine"]


def test_a_module_that_shadows_one_of_pythons_own_counts(project):
    project(mine="import queue, math, wave", queue="x = 1")
    assert list(known()) == ["mine", "queue"]


def test_a_compiled_module_counts_by_its_bytes(project, tmp_path):
    project(mine="import fast")
    (tmp_path / "fast.abi3.so").write_bytes(b"\x7fELF import blocks")
    before = known()
    (tmp_path / "fast.abi3.so").write_bytes(b"\x7fELF import blockz")
    assert list(before) == ["fast", "mine"]
    assert known()["fast"] != before["fast"]


def test_links_are_followed_and_circles_of_them_end(project, tmp_path):
    project(real_in_code="x = 1", pack__in__="from importlib import import_module\nimport_module(f'{__name__}.a')")
    (tmp_path / "mine.py").symlink_to(tmp_path / "real/code.py")
    (tmp_path / "pack/again").symlink_to(tmp_path / "pack", target_is_directory=True)
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    before = known()
    project(real_in_code="x = 2")
    assert known() != before
    assert list(known("pack.Net")) == ["pack"]
    assert known("gone.Net") == {}


def test_names_made_while_running_bring_the_whole_package(project):
    project(
        pack__in__="import importlib\ndef f(n): return importlib.import_module('.' + n, __name__)",
        pack_in_a="",
        pack_in_deep__in__="",
        pack_in_deep_in_b="import helper",
        helper="",
        unused="",
        mine="import importlib\nimportlib.import_module('unused')",
    )
    assert list(known("pack.f")) == ["helper", "pack", "pack.a", "pack.deep", "pack.deep.b"]
    assert list(known()) == ["mine", "unused"]


def test_a_pipe_or_folder_in_a_files_place_is_no_module(project, tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    assert known("pipe.Net") == known("folder.Net") == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_named(project, tmp_path):
    project(mine="")
    (tmp_path / "mine.py").chmod(0)
    with pytest.raises(InputError, match=r"mine\.py: cannot be read"):
        known()


def test_a_file_that_goes_while_it_is_read_is_named(project, monkeypatch):
    project(mine="x = 42")
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    with pytest.raises(InputError, match=r"mine\.py: cannot be read \(Permission denied\)"):
        known()


def test_two_thousand_files_take_less_than_to_parse_them_and_then_little(project, tmp_path):
    body = "def f(x):\n    '''Doc.'''\n    return [x * 2 for _ in range(3)] + [1, 2, 3]\n" * 20
    project(**{f"pack_in_m{i}": f"from . import m{i + 1}\n{body}" for i in range(2000)}, pack__in__="")

    def took(call):
        start = time.process_time()
        result = call()
        return time.process_time() - start, result

    parsing, _ = took(lambda: [ast.parse(path.read_bytes()) for path in (tmp_path / "pack").glob("m1*.py")])
    first, found = took(lambda: code_of(["pack.m0.Net"]))
    again, same = took(lambda: code_of(["pack.m0.Net"]))
    assert len(found.digests) == 2001
    assert found == same
    assert first < parsing  # of 1,111 of them: measured 0.7 s beside 2
    assert again < first / 2


def test_beyond_the_bound_files_count_by_their_bytes_and_imports_are_followed(project, monkeypatch):
    monkeypatch.setattr(code, "MOST_SYNTAX", 0)
    project(mine="from pack import (a,  # why\n  b as c)\nimport other as o, more; x = 1", other="", more="",
            pack__in__="", pack_in_a="from . import c", pack_in_b="", pack_in_c="")  # fmt: skip
    before = known()
    assert list(before) == ["mine", "more", "other", "pack", "pack.a", "pack.b", "pack.c"]
    project(other="# a comment")
    assert {name for name, digest in known().items() if digest != before[name]} == {"other"}


def test_more_modules_than_anyone_has_are_refused(project, monkeypatch):
    monkeypatch.setattr(code, "MOST_MODULES", 2)
    project(mine="import a, b", a="", b="")
    with pytest.raises(InputError, match="more than 2 modules"):
        known()


def test_bytes_and_syntax_find_the_same_imports():
    text = b"import a.b as c, d\nfrom .e import f, g as h\nfrom . import i\nif x:\n    from j import (k,\n  l)\n"
    assert read_bytes(text).imports == read_syntax(text).imports


def test_installed_packages_are_known_by_their_versions_also_those_that_own_code_imports(project):
    project(mine="import PIL.Image, torch, numpy, json, blocks", blocks="import seaborn")
    found = code_of(["sklearn.svm.SVC", "mine.Net", "torch.nn.ReLU", "collections.OrderedDict"])
    assert list(found.digests) == ["blocks", "mine"]
    expected = {name: importlib.metadata.version(name) for name in ("pillow", "scikit-learn", "seaborn")}
    assert found.versions == expected


def test_an_editable_install_counts_as_own_code(project, tmp_path, monkeypatch):
    class Finder:  # as setuptools' __editable___finder does it
        @staticmethod
        def find_spec(name, path=None, target=None):
            from importlib.util import spec_from_file_location

            file = tmp_path / "src/edited/__init__.py"
            return spec_from_file_location(name, file) if name == "edited" else None

    project(src_in_edited__in__="from .nets import x", src_in_edited_in_nets="x = 1")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    before = known("edited.Net")
    assert list(before) == ["edited", "edited.nets"]
    project(src_in_edited_in_nets="x = 1  # one")
    assert known("edited.Net") == before


def test_dissects_and_torchs_own_targets_take_no_time_and_import_no_torch():
    program = (
        "import sys, time\nfrom dissect.composing.code import code_of\nstart = time.perf_counter()\n"
        "found = code_of(['dissect.networks.convnet.ConvNet', 'torch.nn.ReLU', 'pytorch_lightning.Trainer'])\n"
        "assert time.perf_counter() - start < 1e-3 and not any(found)\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
