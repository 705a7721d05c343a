"""How variants are called by their plans and their runs together."""

from types import SimpleNamespace

from dissect.planning.titles import caller

STEPS = {"step1": {}, "step2": {"a": "dropout"}, "step3": {"a": "dropout", "b": "mixup"}}


def plan(**variants):
    return SimpleNamespace(variants=variants)


def test_planned_variants_are_called_before_they_have_a_run():
    called = caller([plan(**{name: {"components": parts} for name, parts in STEPS.items()})], {})
    assert [called(name) for name in STEPS] == ["step1 · baseline", "step2 · dropout", "step3 · mixup"]
    assert called("step3 + ten-crop") == "step3 · ten-crop"
    assert called("unheard of") == "unheard of"


def test_a_runs_own_labels_go_before_those_of_the_plan():
    called = caller([plan(step2={"components": {"a": "old"}})], {"step2": {"a": "new"}})
    assert called("step2") == "step2 · new"


def test_a_condition_stands_behind_its_variant_and_a_variant_read_off_others_is_no_full_model():
    entries = {name: {"components": dict.fromkeys(name.split("+"), "")} for name in ("a+b", "a", "b")}
    for name, entry in entries.items():
        entry["components"] = {part: part.upper() for part in name.split("+")}
    whole = {"components": {"a": "A", "b": "B", "e": "E"}, "config": {"ensemble": {"average": True}}}
    called = caller([plan(**entries, big=whole)], {})
    assert [called(name) for name in entries] == ["full", "full − B", "full − A"]
    crossed = {f"{name} @ lr=1": {**entry, "variant": name, "condition": "lr=1"} for name, entry in entries.items()}
    called = caller([plan(**crossed)], {})
    assert called("a @ lr=1") == "full − B @ lr=1"
