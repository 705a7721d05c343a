"""What a plan asks of its tests: level, smallest gain, power, looks."""

from collections.abc import Sequence

from dissect.errors import InputError


def check_terms(level: float, smallest: float | None, power: float, looks: Sequence[int] | None) -> None:
    """Refuse what no test could be made of.

    Raises:
        InputError: naming the key, the value and its range.
    """
    if not 0.5 <= level < 1:
        raise InputError(f"plan.level={level:g}: must be from 0.5 to below 1, such as 0.95")
    if not 1 - level < power < 1:
        raise InputError(
            f"plan.power={power:g}: must be above {1 - level:.3g} (1 - plan.level) and below 1, such as 0.8"
        )
    if smallest is not None and not smallest > 0:
        raise InputError(f"plan.smallest={smallest:g}: must be above 0, in the metric's unit, such as 1")
    if looks is not None and (not looks or looks[0] < 2 or list(looks) != sorted(set(looks))):
        raise InputError(f"plan.looks={list(looks)}: must be numbers of seeds that grow, from 2 on, such as [5,8,12]")
