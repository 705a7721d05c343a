"""A component that does nothing is told of when the second run shows it."""

from types import SimpleNamespace

from dissect.sweep.alike import Alike


def job(name, components, seed, averages=False):
    variant = SimpleNamespace(name=name, components=components, seed=seed, member_of=None)
    return SimpleNamespace(variant=variant, averages=averages, condition="", called=f"{name} · it")


def result(digest, accuracy=0.5, examples=797):
    files = {"predictions.npz": {"bytes": 1, "digest": digest}}
    return {"files": files, "metrics": {"accuracy": accuracy}, "data": {"examples": {"validation": examples}}}


BASE, ON, BOTH = ("step1", ()), ("step2", ("a",)), ("step3", ("a", "b"))
JOBS = [job(*variant, seed) for variant in (BASE, ON, BOTH) for seed in (0, 1)]


def test_it_is_said_once_when_two_seeds_are_there_of_which_all_are_the_same():
    alike = Alike(JOBS)
    assert alike.remark(job(*BASE, 0), result("x")) == ""
    assert alike.remark(job(*ON, 0), result("x")) == ""  # one seed may be chance
    assert alike.remark(job(*ON, 1), result("y")) == ""
    told = alike.remark(job(*BASE, 1), result("y"))
    assert told == "note: step2 · it is identical to step1 · it on all 797 examples in every seed: is it switched on?"
    assert alike.remark(job(*ON, 2), result("z")) == ""
    assert alike.remark(job(*BASE, 2), result("z")) == ""


def test_one_seed_in_which_they_differ_or_another_metric_is_enough_to_say_nothing():
    alike = Alike(JOBS)
    for seed, (ours, theirs) in enumerate([("x", "x"), ("y", "z"), ("u", "u")]):
        assert alike.remark(job(*BASE, seed), result(ours)) == ""
        assert alike.remark(job(*ON, seed), result(theirs)) == ""
    alike = Alike(JOBS)
    for seed in (0, 1):
        assert alike.remark(job(*BASE, seed), result("x")) == ""
        assert alike.remark(job(*ON, seed), result("x", accuracy=0.6)) == ""


def test_the_control_is_the_largest_variant_within_and_failures_and_ensembles_have_none():
    alike = Alike([*JOBS, job("step4", ("a", "b", "ensemble"), 0, averages=True)])
    for seed in (0, 1):
        for variant, digest in ((BASE, "x"), (ON, f"y{seed}"), (("step4", ("a", "b", "ensemble")), "x")):
            assert alike.remark(job(*variant, seed, variant[0] == "step4"), result(digest)) == ""
        assert alike.remark(job(*BOTH, seed), None) == ""
    assert alike.remark(job(*BOTH, 0), result("x")) == ""
    assert alike.remark(job(*BOTH, 1), result("x")) == ""  # as step1, which is not its control


def test_without_predictions_the_rows_of_epochs_tell_and_without_both_nothing_is_known():
    for files, told in (({"metrics.csv": {"bytes": 1, "digest": "x"}}, "in all that was measured"), ({}, "")):
        alike, said = Alike(JOBS), ""
        for variant in (BASE, ON):
            for seed in (0, 1):
                said = alike.remark(job(*variant, seed), {"files": files, "metrics": {"loss": 1.0}, "data": {}})
        assert told in said
        assert bool(said) == bool(told)
