"""config.yaml, as anyone may have made it."""

import pytest

from dissect.errors import InputError
from dissect.store.configs import read_config

BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
HOSTILE = {
    "bytes": b"a: \xff\xfe",
    "list": b"- a\n",
    "text": b"abc",
    "brackets": b"a: " + b"[" * 10_000,
    "bomb": BOMB.encode(),
    "object": b"a: !!python/object/apply:os.mkdir [ran]\n",
    "open": b"a: [",
    "zeros": bytes(100),
    "huge": b"#" * (2 << 20),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=list(HOSTILE))
def test_what_is_no_config_ends_in_one_line_and_runs_nothing(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_bytes(data)
    with pytest.raises(InputError, match=r"config.yaml: .*delete this run's folder and train it again$"):
        read_config(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_config_is_read_and_nothing_of_it_resolved(tmp_path):
    with pytest.raises(InputError, match="this run has no config"):
        read_config(tmp_path)
    (tmp_path / "config.yaml").write_text("seed: 3\nmodel: {_target_: a.B, x: '${oc.env:HOME}'}\n")
    assert read_config(tmp_path) == {"seed": 3, "model": {"_target_": "a.B", "x": "${oc.env:HOME}"}}
