"""How every figure of the package looks, and how one becomes a file."""

import io
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

BLUE, ORANGE, GREEN, VERMILION, *_ = sns.color_palette("colorblind").as_hex()
GREY, INK, PURPLE = "#767676", "#222222", "#8a2f7d"
PERCENT = FuncFormatter(lambda fraction, _: f"{100 * fraction:.4g}")
PARTS: Any = {"training": {"color": ORANGE, "ls": (0, (3, 1))}, "validation": {"color": BLUE}}
BELOW: Any = {"loc": "outside lower center", "frameon": False}  # Any, as matplotlib's annotations lack "outside"
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the same everywhere
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.edgecolor": GREY,
    "text.color": INK,
    "pdf.fonttype": 42,  # text as text, in a font that can be searched and edited
    "text.parse_math": False,  # a label may hold a dollar sign
    "axes.labelcolor": INK,
    "svg.hashsalt": "dissect",  # the same study gives the same bytes
}


PHONE = 4.4  # inches, at which text can be read on one
NARROW = 6.0  # inches; a column of a paper has some 3.4, two of them 7


def styled(width: float) -> Any:
    """STYLE for a figure of that width in inches, whose text is that of a paper where it is narrower than a page's."""
    return STYLE | ({"font.size": 8, "axes.titlesize": 8} if width < 9 else {})


def small() -> float:
    """The size of numbers and legends, in points."""
    return 0.9 * float(mpl.rcParams["font.size"])


def drawn(figure: Figure, kind: str, description: str = "") -> bytes:
    """The figure as "png", "svg" or "pdf", which says `description` of itself; the same figure gives the same bytes."""
    told: dict[str, Any] = {"Description": description} if description else {}
    metadata = told | ({"Date": None} if kind == "svg" else {})
    if kind == "pdf":
        metadata = {"CreationDate": None, "Creator": "dissect"} | ({"Subject": description} if description else {})
    with mpl.rc_context(STYLE), io.BytesIO() as file:
        figure.savefig(file, format=kind, dpi=160, metadata=metadata or None)
        return file.getvalue()
