"""Data flows one way: conf, variant, data and network, training, store, measure, report."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dissect

PACKAGE = Path(dissect.__file__).parent
ABOVE = {"training", "report", "inspect", "store", "variant", "manifest", "sweep"}
FORBIDDEN = {
    "design": {"networks", "data", "measure"} | ABOVE,
    "networks": {"data", "measure", "design"} | ABOVE,
    "data": {"networks", "measure", "design"} | ABOVE,
    "measure": {"networks", "data", "design"} | ABOVE,
    "inspect": {"report", "measure", "design", "manifest", "sweep"},  # but see ALLOWED
    "training": {"measure", "report", "inspect", "design", "manifest", "sweep"},
}
ALLOWED = {"inspect": "dissect.measure.subsets"}  # which reads nothing but arrays


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_a_layer_imports_none_that_comes_after_it(layer):
    modules = sorted((PACKAGE / layer).glob("*.py"))
    assert modules
    for module in modules:
        names = {name for name in imported(module) if not name.startswith(ALLOWED.get(layer, "-"))}
        wrong = {name for name in names for other in FORBIDDEN[layer] if name.startswith(f"dissect.{other}")}
        assert not wrong, f"{module.relative_to(PACKAGE)} imports {sorted(wrong)}"


@pytest.mark.parametrize(
    "module",
    [
        "dissect.__main__",
        "dissect.plan.__main__",
        "dissect.composing.compose",
        "dissect.report.build",
        "dissect.images.arrays",
        "dissect.sweep.rounds",
        "dissect.crossval.read",
    ],
)
def test_what_only_composes_or_reads_does_not_import_torch(module):
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
