"""How components, variants and contrasts are called in figures, tables and sentences."""

from collections.abc import Callable, Iterable, Sequence

from dissect.measure.contrasts import TEN_CROP, Variants
from dissect.measure.metric import ten_crop_called
from dissect.planning import titles
from dissect.report.questions import CONDITIONAL, Question
from dissect.report.study import Study


def named(study: Study, components: Iterable[str]) -> str:
    """The components' labels, joined by +."""
    return " + ".join(
        {TEN_CROP: ten_crop_called(study.data.get("views")), **study.labels}.get(name, name) for name in components
    )


def caller(study: Study) -> Callable[[str], str]:
    """How a variant of the study is called, see `planning.titles`."""
    runs = dict(zip(study.runs["variant"].astype(str), study.runs["components"], strict=True))
    averaged = set(study.compared.loc[study.compared["averaged"], "variant"].astype(str))
    return titles.caller(study.manifests, runs, averaged)


def question_label(study: Study, one: Question, known: Variants) -> str:
    """What a contrast is about: "dropout 1", "a × b", "a instead of b", "b without a"."""
    if one.kind == "interaction":
        return " × ".join(named(study, [name]) for name in one.components)
    if one.kind == "levels":
        earlier, later = (named(study, [name]) for name in one.components)
        return f"{later} instead of {earlier}"
    if one.kind == CONDITIONAL:
        about, given = (named(study, [name]) for name in one.components)
        return f"{about} {'with' if one.present else 'without'} {given}"
    treated, control = (set(known.get(name, ())) for name in one.pair or ("", ""))
    if instead := [name for name in one.components if name in control - treated]:
        added = [name for name in one.components if name not in instead]
        return f"{named(study, added) or 'none'} instead of {named(study, instead)}"
    return named(study, one.components)


def bar_label(
    study: Study, variant: str, components: Sequence[str], inherited: Sequence[str] | None, title: str
) -> str:
    """How a bar is called: as its variant is, but a step by all that it adds to the bar that it is compared with.

    Args:
        inherited: its control's components, None where it has no control.
        title: what the variant is called elsewhere, see `caller`.
    """
    base = variant.removesuffix(" + ten-crop")
    if not components or variant == "+".join(components) or not title.startswith(f"{base} · "):
        return title
    return f"{base} · {named(study, [part for part in components if part not in (inherited or ())])}"
