"""One wing for each thing that a study does; what is imported shows it, late imports too."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dissect

PACKAGE = Path(dissect.__file__).parent
ENGINE = ("composing", "design", "planning", "store", "training", "sweep", "measure", "elsewhere", "report")
TASKS = ("images", "networks", "inspect", "lightning")  # the config names them, and nothing else does


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """The modules of the package that a module imports, anywhere in its text."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name for name in inside if name in MODULES} or {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names & set(MODULES)


def wing(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_no_module_imports_itself_by_way_of_others():
    TopologicalSorter({name: imported(path) - {name} for name, path in MODULES.items()}).prepare()


def test_no_wing_imports_itself_by_way_of_others():
    # The ground and the commands' own modules stand outside the wings.
    loose = {"dissect", *(wing(name) for name, path in MODULES.items() if path.parent == PACKAGE)}
    wings: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        if wing(name) not in loose:
            wings.setdefault(wing(name), set()).update(wing(one) for one in imported(path))
    TopologicalSorter({one: others - {one} - loose for one, others in wings.items()}).prepare()


@pytest.mark.parametrize("part", ENGINE)
def test_the_engine_knows_nothing_of_what_it_trains(part):
    ours = {name: path for name, path in MODULES.items() if wing(name) == part}
    assert ours
    for name, path in ours.items():
        wrong = {one for one in imported(path) if wing(one) in TASKS}
        assert not wrong, f"{name} imports {sorted(wrong)}"


@pytest.mark.parametrize("part", ENGINE)
def test_the_engines_sentences_take_no_metric_to_be_accuracy_and_no_example_to_be_an_image(part):
    """Docstrings may give examples; what is read, written or printed may not."""
    for path in sorted((PACKAGE / part).rglob("*.py")):
        tree = ast.parse(path.read_text())
        told = {ast.get_docstring(node, clean=False) for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)}  # fmt: skip
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else node.id if isinstance(node, ast.Name) else ""
            if isinstance(text, str) and text not in told and not text.startswith("dissect."):  # a name in a list
                words = set(text.lower().replace("_", " ").replace(".", " ").split())
                assert not words & {"image", "images", "accuracy", "accuracies"}, f"{path.name}: {text!r}"


def test_at_most_seven_modules_lie_loose_and_none_is_longer_than_300_lines():
    assert len([path for path in MODULES.values() if path.parent == PACKAGE]) <= 7
    assert [name for name, path in MODULES.items() if len(path.read_text().splitlines()) > 300] == []


@pytest.mark.parametrize(
    "module",
    ["dissect", "dissect.__main__", "dissect.plan.__main__", "dissect.status.__main__", "dissect.composing.compose",
     "dissect.report.build", "dissect.report.read", "dissect.images.task", "dissect.lightning.task",
     "dissect.sweep.rounds", "dissect.sweep.sweeper", "dissect.crossval.read", "dissect.training.task"],
)  # fmt: skip
def test_what_only_composes_or_reads_does_not_import_torch(module):
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
