"""What differs from a frozen plan is named by file and line, and the mend that is advised works."""

import pytest

from dissect import design
from dissect.composing.arguments import _module, look_up
from dissect.design import Component
from dissect.errors import InputError
from dissect.planning import changes, manifest

NET = """from torch import nn

class Net(nn.Sequential):
    def __init__(self, *, classes, wide=False):
        super().__init__(nn.Flatten(), nn.Linear(3 * 16 * 16, classes))
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    look_up.cache_clear()
    (tmp_path / "kept_net.py").write_text(NET)
    return tmp_path / "kept_net.py"


MODEL = """# @package _global_
model: {_target_: kept_net.Net, classes: "${data.classes}", wide: false}
ladder: [wide, fast]
deltas: {wide: {model: {wide: true}}, fast: {optimizer: {lr: 0.1}}}
"""


@pytest.fixture
def planned(variant, own, tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    (tmp_path / "own" / "model" / "kept.yaml").write_text(MODEL)

    def plan(*overrides, components=("wide",)):
        rule = design.cumulative([Component(name) for name in components])
        said = ["model=kept", *overrides]
        dirs = [tmp_path / "own"]
        variants = {
            parts: variant(*said, f"component=[{','.join(parts)}]", config_dirs=dirs) for parts in rule.variants
        }
        return manifest.plan("cumulative", rule, variants, "pixels", (0, 1))

    return plan


def test_code_is_kept_beside_the_manifest_and_its_changes_are_told_by_file_and_line(planned, own, tmp_path):
    path, before = tmp_path / "store" / "manifest-cumulative.json", planned()
    changes.keep_sources(path, before)
    assert (path.parent / "manifest-cumulative.code" / "kept_net.py").read_text() == NET

    own.write_text('"""A net."""\n' + NET.replace("wide=False", "wide = False") + "# formatted\n")
    changes.refuse_changes(path, before, planned())
    changes.refuse_other_code(path, before)

    own.write_text(NET.replace("16 * 16", "32 * 32"))
    with pytest.raises(
        InputError, match=r"the code \(kept_net.py: line 5 differs\)\. Undo that \(as it was: "
    ) as problem:
        changes.refuse_changes(path, before, planned())
    assert "plan.frozen" not in str(problem.value)
    with pytest.raises(InputError, match=r"kept_net.py: line 5 differs\. Undo that"):
        changes.refuse_other_code(path, before)


def test_a_longer_ladder_is_offered_as_a_plan_beside_the_first(planned, tmp_path):
    path = tmp_path / "manifest-cumulative.json"
    with pytest.raises(InputError, match=r"the variant \S+ \(not planned\).* plan.name=cumulative2$"):
        changes.refuse_changes(path, planned(), planned(components=("wide", "fast")))
    manifest.write(path.with_name("manifest-cumulative2.json"), planned(components=("fast",)))
    with pytest.raises(InputError, match=r"plan.name=cumulative3$"):
        changes.refuse_changes(path, planned(), planned(components=("wide", "fast")))


def test_other_settings_go_into_another_folder(planned, tmp_path):
    with pytest.raises(InputError, match=r"train.epochs \(20, now 3\)") as problem:
        changes.refuse_changes(tmp_path / "manifest-x.json", planned(), planned("train.epochs=3"))
    assert str(problem.value).endswith("Go on as frozen with plan.frozen=true, or begin another with name=...")


def test_what_runs_do_not_feel_is_no_difference_and_an_edited_network_with_a_key_more_is_told_as_code(
    planned, own, tmp_path
):
    path, before = tmp_path / "store" / "manifest-cumulative.json", planned()
    changes.keep_sources(path, before)
    own.write_text(NET.replace("wide=False", "wide=False, bias=True"))
    look_up.cache_clear()
    _module.cache_clear()  # as in a process that begins now
    with pytest.raises(InputError) as problem:
        changes.refuse_changes(path, before, planned("+model.bias=true", "logger=tensorboard", "plan.level=0.95"))
    said = str(problem.value)
    assert (
        "differs from what is asked for now in the code (kept_net.py: line 4 differs); model.bias (None, now True). "
        in said
    )
    assert "plan.frozen" not in said
    assert "a module of its own" in said
    assert not {"logger", "deltas", "ladder"} & set(said.replace(".", " ").split())


def test_a_second_plan_of_other_settings_or_code_gets_a_folder_of_its_own_before_anything_is_written(
    planned, own, tmp_path
):
    first, path = tmp_path / "manifest-cumulative.json", tmp_path / "manifest-cumulative2.json"
    manifest.write(first, planned())
    changes.keep_sources(first, planned())
    changes.refuse_other_settings(path, planned(components=("wide", "fast")))
    with pytest.raises(InputError, match=r"manifest-cumulative.json: was planned with .*train.epochs \(20, now 3\)"):
        changes.refuse_other_settings(path, planned("train.epochs=3"))
    own.write_text(NET.replace("16 * 16", "32 * 32"))
    with pytest.raises(
        InputError, match=r"in the code \(kept_net.py: line 5 differs\); begin another folder with name="
    ):
        changes.refuse_other_settings(path, planned())


def test_the_plan_that_asks_just_this_is_offered_before_a_new_one(planned, tmp_path):
    path, longer = tmp_path / "manifest-cumulative.json", planned(components=("wide", "fast"))
    manifest.write(path.with_name("manifest-cumulative2.json"), longer)
    with pytest.raises(InputError, match=r"plan.name=cumulative2$"):
        changes.refuse_changes(path, planned(), longer)
