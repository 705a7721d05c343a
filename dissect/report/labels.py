"""How components, variants and contrasts are called in figures, tables and sentences."""

from collections.abc import Iterable

from dissect.measure.contrasts import TEN_CROP, Variants
from dissect.report.questions import CONDITIONAL, Question
from dissect.report.study import Study


def named(study: Study, components: Iterable[str]) -> str:
    """The components' labels, joined by +."""
    # Where labels do not survive a mirror, five of the ten crops are left; the word stays, the number is said.
    views = study.data.get("views", 10)
    ten_crop = "ten-crop" if views == 10 else f"ten-crop ({views} views)"
    return " + ".join({TEN_CROP: ten_crop, **study.labels}.get(name, name) for name in components)


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
    study: Study, variant: str, components: tuple[str, ...], inherited: tuple[str, ...] | None,
    full: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """How a variant is called: "step4 · leaky ReLU", "step1 · baseline", "dropout 1 + leaky ReLU", "full − dropout 1".

    Args:
        inherited: its control's components, None where it has no control.
        full: those of the largest variant, from which one of more than three components is told by what it lacks.
    """
    if not components:
        return variant if variant == "baseline" else f"{variant} · baseline"
    if variant == "+".join(components) and (len(components) <= 3 or inherited is None):
        return named(study, components)
    lacking = [part for part in full if part not in components]
    if variant == "+".join(components) and len(components) > 3 and set(components) <= set(full) and len(lacking) < 3:
        return " − ".join(["full", *(named(study, [part]) for part in lacking)])
    added = named(study, [part for part in components if part not in (inherited or ())])
    step = f"{len(components)} components" if variant == "+".join(components) else variant.removesuffix(" + ten-crop")
    return f"{step} · {added}"
