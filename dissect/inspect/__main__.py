"""python -m dissect.inspect RUN [FIGURE ...]: what a finished run has learned, as figures on one page."""

import argparse
import sys
from pathlib import Path

from dissect.errors import InputError
from dissect.process import speak_plainly

FIGURES = {
    "filters": "the first convolution's filters, each by its own range and all by one",
    "maps": "feature maps of --layer for --image",
    "top": "the images that excite --units of --layer most, and what flows back to them",
    "projection": "principal components of what enters the last layer, --classes coloured",
    "history": "accuracy by epoch, --against other runs or variants",
    "parts": "accuracy on training and held-out images; an ensemble beside a single model",
    "subsets": "accuracy of every subset of an ensemble's members against their number",
    "test": "predictions for unlabelled test images, in the challenge's form (only if named)",
}


def main(arguments: list[str] | None = None) -> int:
    asked = parser().parse_intermixed_args(arguments)
    # Imported late, so that --help answers at once.
    from dissect.files import whole
    from dissect.inspect import build
    from dissect.inspect.inspected import Asked, Inspected
    from dissect.inspect.page import render
    from dissect.inspect.runs import read_run

    try:
        if unknown := [name for name in asked.figures if name not in FIGURES]:
            raise InputError(f"{unknown[0]}: there is no such figure; there are {', '.join(FIGURES)}")
        run = read_run(asked.run)
        ensemble = ["parts", "subsets"]
        alone = [name for name in FIGURES if name not in ("subsets", "test")]
        names = asked.figures or (ensemble if run.result.get("members") else alone)
        seen = Inspected(run, Asked(
            asked.layer, asked.image, asked.units, asked.classes, tuple(asked.against), asked.ten_crop, asked.root,
            tuple(asked.trust),
        ))  # fmt: skip
        folder = asked.out / run.study / "inspect" / run.folder.resolve().name
        for name in names:
            for file_name, content in build.MAKERS[name](seen).items():
                with whole(folder / file_name, "wb") as file:
                    file.write(content)
                print(folder / file_name, flush=True)
        with whole(folder / "index.html") as file:
            file.write(render(run, folder))
    except InputError as problem:
        said = str(problem).replace("data.root=", "--root ").replace("data.root", "--root")  # as it is called here
        print(f"error: {said}", file=sys.stderr)
        return 2
    print(f"page: {folder / 'index.html'}")
    return 0


def parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<11} {what}" for name, what in FIGURES.items())
    made = argparse.ArgumentParser(
        prog="python -m dissect.inspect", description=__doc__, epilog=f"figures:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument("run", metavar="RUN", type=Path, help="the run's folder: runs/STUDY/VARIANT-seedK-KEY")
    made.add_argument(
        "figures", metavar="FIGURE", nargs="*", default=[], help="which figures (default: all that apply)"
    )
    made.add_argument(
        "--layer", metavar="NAME", help="as in named_modules(), such as features.act1 (default: by the figure)"
    )
    made.add_argument(
        "--image", metavar="N|FILE", default="0", help="a validation image's number, or a file (default: 0)"
    )
    made.add_argument("--units", type=_numbers, default=(), help="units (channels) of the layer: 0,5,9")
    made.add_argument("--classes", type=_words, default=(), help="classes to colour, by name or number: goldfish,3")
    other = (
        "another run's folder, or for history a variant of the same study, all its seeds; may be given several times"
    )
    made.add_argument("--against", metavar="RUN", action="append", default=[], help=other)
    made.add_argument("--ten-crop", action="store_true", help="test: average the ten-crop's views")
    made.add_argument("--root", metavar="FOLDER", help="where the images lie (data.root), if they are not downloaded")
    trust = "a package of your own whose code the run's config names and that may run; may be given several times"
    made.add_argument("--trust", metavar="PACKAGE", action="append", default=[], help=trust)
    made.add_argument("--out", type=Path, default=Path("reports"), help="where figures go (default: reports)")
    return made


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be whole numbers with commas between them: 0,5,9") from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


if __name__ == "__main__":
    speak_plainly()
    sys.exit(main())
