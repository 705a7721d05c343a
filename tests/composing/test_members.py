"""Which runs an ensemble averages."""

from dissect.composing.job import job_of
from dissect.composing.members import member_variants
from dissect.store import runs as store
from dissect.sweep.finish import fail
from dissect.training.task import data_of

TINY = ["data.train_per_class=10", "data.val_per_class=20", "model.width=0.1"]


def test_members_have_other_seeds_and_slightly_other_hyperparameters_and_are_kept_for_larger_ensembles(variant):
    three = member_variants(variant(*TINY, "+ablation=step8", "seed=4", "ensemble.members=3", "ensemble.jitter=0.1"))
    five = member_variants(variant(*TINY, "+ablation=step8", "seed=4", "ensemble.members=5", "ensemble.jitter=0.1"))
    assert [member.seed for member in five] == [4, 1004, 2004, 3004, 4004]
    assert [member.key("x") for member in five[:3]] == [member.key("x") for member in three]
    assert five[0].key("x") == variant(*TINY, "+ablation=step7", "seed=4").key("x")
    for part in ("lr", "weight_decay"):
        ratios = [member.config.optimizer[part] / five[0].config.optimizer[part] for member in five]
        assert ratios[0] == 1
        assert len(set(ratios)) == 5
        assert all(1 / 1.1 <= ratio <= 1.1 for ratio in ratios)
    assert {member.name for member in five} == {"step7"}


def test_a_member_that_failed_is_kept_as_one(variant, tmp_path):
    member = member_variants(variant(*TINY, "+ablation=step8", "ensemble.members=2"))[1]
    fail(job_of(member, data_of(member.config)), "why")
    [result] = store.results(tmp_path / "runs" / "digits")
    assert (result["status"], result["seed"], result["member_of"]) == ("failed", 1000, "step8")
