"""What is refused of a command line before Hydra reads it, and how the mend is written."""

import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from dissect.composing.line import check_line, config_dirs, parted
from dissect.errors import InputError


def shell(text: str) -> str:
    """The argument that a shell makes of it."""
    return subprocess.run(["sh", "-c", f"printf %s {text}"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("data.root=my photos (a)", "my photos (a)"),
        ("data.root=a=b", "a=b"),
        ("data.root=o'neil", "o'neil"),
        ('data.root=two "quotes" (b)', 'two "quotes" (b)'),
        ("+data.root=x{y}", "x{y}"),
        ("data.root=it's (all) $5", "it's (all) $5"),
        ("component=[é]", ["é"]),
        ('plan.components=[dropout1,[é, ß-2],"a b"]', ["dropout1", ["é", "ß-2"], "a b"]),
    ],
)
def test_the_mend_for_letters_of_hydras_own_is_what_a_shell_and_hydra_read_as_was_meant(said, value):
    with pytest.raises(InputError) as problem:
        check_line([said])
    assert str(problem.value).startswith(
        f"{said}: its value has letters that Hydra reads as its own, so it needs quotes: "
    )
    mended = shell(str(problem.value).partition("quotes: ")[2])
    assert OverridesParser.create().parse_override(mended).value() == value
    check_line([mended])


def test_the_pattern_of_a_glob_needs_quotes():
    with pytest.raises(InputError, match="what stands in glob") as problem:
        check_line(["+ablation=glob(step[123])"])
    mended = shell(str(problem.value).partition("quotes: ")[2])
    assert OverridesParser.create().parse_override(mended).value().include == ["step[123]"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("foo", "foo: is no key=value, such as train.epochs=10"),
        ("reprot", "did you mean the command: python -m dissect.report?"),
        ("=3", "=3: names no key before the equals sign"),
        ("data.root=${a", "has 1 { and 0 }; close what is open"),
        ("component=[a,b", r"has 1 \[ and 0 \]; close what is open"),
        ("component=[null]", r"is read as nothing, and a choice is a name, here in quotes: 'component=\[\"null\"\]'"),
        ("component=[],[1e3]", "is read as a number"),
        ("seeds=range(3)", r"seeds=range\(3\): must be auto; .* did you mean 'seed=range\(3\)'"),
        ("seed=range(1000000000)", "asks for 1,000,000,000 runs; a sweep has 100,000 at most"),
    ],
)
def test_what_no_config_could_be_composed_from_is_refused(said, message):
    with pytest.raises(InputError, match=message):
        check_line([said])


def test_what_can_be_composed_passes():
    check_line(["seed=range(5)", "+ablation=glob(step*)", "component=[],[a,b]", "~optimizer", "seeds=auto"])
    check_line(["init=null", "optimizer.lr=1e-3,1e-2", "data.root=C:/photos", "optimizer={_target_: a.B, lr: 1}"])


def test_options_may_stand_after_overrides():
    line = ["seed=1", "--config-dir", "own", "model=mine", "-m"]
    assert parted(line) == (["--config-dir", "own", "-m"], ["seed=1", "model=mine"])
    assert parted(["+ablation=step5", "--cfg", "job"]) == (["--cfg", "job"], ["+ablation=step5"])
    assert parted(["+ablation=step5", "-cd", "own"]) == (["-cd", "own"], ["+ablation=step5"])
    assert config_dirs(["seed=1", "--config-dir=own", "-m", "-cd", "other"]) == ["other", "own"]
