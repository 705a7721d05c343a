"""Data flows one way: conf, variant, data and network, training, store, measure, report."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dissect

PACKAGE = Path(dissect.__file__).parent
FORBIDDEN = {
    "networks": {"data", "training", "measure", "report", "store", "variant"},
    "data": {"networks", "training", "measure", "report", "store", "variant"},
    "measure": {"networks", "data", "training", "report", "store", "variant"},
    "training": {"measure", "report"},
}


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
        wrong = {name for name in imported(module) for other in FORBIDDEN[layer] if name.startswith(f"dissect.{other}")}
        assert not wrong, f"{module.relative_to(PACKAGE)} imports {sorted(wrong)}"


@pytest.mark.parametrize(
    "module", ["dissect.__main__", "dissect.compose", "dissect.report.build", "dissect.data.arrays"]
)
def test_what_only_composes_or_reads_does_not_import_torch(module):
    program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
