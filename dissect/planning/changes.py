"""What a study asks for now against what was frozen."""

from dataclasses import asdict
from pathlib import Path

from dissect.composing.plain import leaves
from dissect.errors import InputError
from dissect.planning.manifest import Manifest


def refuse_changes(path: Path, frozen: Manifest, now: Manifest) -> None:
    """Refuse to mix what was frozen with what the YAML files and the command line say now.

    Raises:
        InputError: naming what differs. More seeds are no difference.
    """
    differing = []
    for key in frozen.tuned | now.tuned:
        if key != "chosen" and frozen.tuned.get(key) != now.tuned.get(key):
            differing.append(f"plan.search.{key} ({frozen.tuned.get(key)}, now {now.tuned.get(key)})")
    for name in ("level", "smallest", "power", "looks", "variances", "pixels"):
        if getattr(frozen, name) != getattr(now, name):
            label = {"pixels": "the data", "looks": "plan.looks or seeds"}.get(name, f"plan.{name}")
            differing.append(f"{label} ({getattr(frozen, name)}, now {getattr(now, name)})")
    for key in ("name", "unit", "better", "times"):  # a label is but a word
        if frozen.metric.get(key) != now.metric[key]:
            differing.append(f"metric.{key} ({frozen.metric.get(key)}, now {now.metric[key]})")
    for name in {**frozen.variants, **now.variants}:
        before, after = frozen.variants.get(name), now.variants.get(name)
        if before is None or after is None:
            differing.append(f"the variant {name} ({'not ' if before is None else ''}planned)")
        elif before["key"] != after["key"]:
            ours, theirs = leaves(before["config"]), leaves(after["config"])
            keys = [key for key in {**ours, **theirs} if not key.startswith("plan.")]
            felt = [key for key in keys if ours.get(key) != theirs.get(key)]
            differing += [f"{key} ({ours.get(key)}, now {theirs.get(key)})" for key in felt] or [f"the code of {name}"]
    differing = list(dict.fromkeys(differing))
    if not differing and [asdict(one) for one in frozen.contrasts] != [asdict(one) for one in now.contrasts]:
        differing.append("the planned contrasts")
    if differing:
        more = f"; and {len(differing) - 4} more" if len(differing) > 4 else ""
        code = any(one.startswith("the code of") for one in differing)
        mend = "Undo that, or begin" if code else "Go on as frozen with plan.frozen=true, or begin"
        raise InputError(
            f"{path}: this study was frozen on {frozen.frozen[:10]} and differs from what is asked for now in "
            f"{'; '.join(differing[:4])}{more}. {mend} another with name=..."
        )
