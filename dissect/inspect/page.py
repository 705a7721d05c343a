"""The page that shows a run's figures with their captions, and the projection that can be turned."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from dissect.inspect.figures import COLOURS
from dissect.inspect.runs import Run

TITLES = {  # a figure's file begins so, in the page's order
    "filters": "Filters of the first layer",
    "maps": "Feature maps",
    "top": "What excites units most",
    "projection": "What enters the last layer",
    "history": "History",
    "parts": "Accuracy by part of the data",
    "subsets": "Subsets of the ensemble",
}


def turnable(points: np.ndarray, labels: np.ndarray, classes: Sequence[str], chosen: Sequence[str], *,
             title: str) -> str:  # fmt: skip
    """A page of its own on which points (N, 3) can be turned; labels (N,) count into `classes`."""
    low, high = points.min(0), points.max(0)
    scaled = np.round((2 * points - low - high) / (high - low).max(), 4)  # one scale, so that shapes are kept; -1 to 1
    data = {"points": scaled.tolist(), "labels": labels.tolist(), "classes": list(classes), "colours": COLOURS[:8]}
    data["chosen"] = [list(classes).index(name) for name in chosen]
    # Inside a script element only "<" could end it.
    return _template(
        "turnable.html.j2", title=title, data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    )


def render(run: Run, folder: Path) -> str:
    """The page with every figure that lies in `folder`, each with the caption that its file holds."""
    sections: list[dict[str, Any]] = []
    for kind, title in TITLES.items():
        shown = []
        for path in sorted(folder.glob(f"{kind}*.png")):
            with Image.open(path) as image:
                caption = image.info.get("Description", "")
            vector = path.with_suffix(".svg")
            shown.append({"caption": caption, "uri": _uri(vector if vector.is_file() else path)})
        page = folder / f"{kind}.html"
        if shown:
            turned = page.read_text(encoding="utf-8") if page.is_file() else ""
            narrow = kind in ("history", "parts")
            sections.append({"title": title, "figures": shown, "turnable": turned, "narrow": narrow})
    tests = [path.name for path in sorted(folder.glob("test*.txt"))]
    result = run.result
    return _template(
        "page.html.j2", run=run, result=result, data=result["data"], metrics=result["metrics"], sections=sections,
        tests=tests,
    )  # fmt: skip


def _template(name: str, **values: Any) -> str:
    here = FileSystemLoader(Path(__file__).parent)
    shown = Environment(loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return shown.get_template(name).render(**values)


def _uri(path: Path) -> str:
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
