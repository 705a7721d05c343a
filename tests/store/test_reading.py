"""Files that a stranger made or a disk damaged end in one line, before they take memory or run anything."""

import hashlib
import io
import json
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dissect.errors import InputError
from dissect.store.reading import Array, checked, open_npz, read_bytes, read_json, seal


@pytest.fixture(autouse=True)
def ran(tmp_path, monkeypatch):
    """The mark that a pickle leaves which is loaded; no test may see it."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "ran"
    assert not (tmp_path / "ran").exists()


class Evil:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def refused(read, *arguments, **options) -> str:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as told:
        read(*arguments, **options)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB: nothing large was unpacked
    said = str(told.value)
    assert "\n" not in said
    assert str(arguments[0]) in said
    assert "pickle" not in said.replace(str(arguments[0]), "")
    assert said.endswith("delete this run's folder and train it again")
    return said


JSON = {
    b"\xff\xfe{}": "is not text in UTF-8",
    b'{"a": "\x80"}': "is not text in UTF-8",
    b"[]": "holds a list where a mapping belongs",
    b"null": "holds a null",
    b'"x"': "holds a text",
    b"": "is not valid JSON",
    b"{": "is not valid JSON",
    b'{"a": 1}{"b": 2}': "is not valid JSON",
    b"[" * 10_000: "is nested too deeply",
    b"[" * 10_000 + b"]" * 10_000: "is nested too deeply",
    b'{"a": ' * 10_000 + b"1" + b"}" * 10_000: "is nested too deeply",
    b'{"a": NaN}': "NaN is no number",
    b'{"a": [-Infinity]}': "-Infinity is no number",
    b'{"a": 1e999}': "1e999 is no finite number",
    b'{"a": ' + b"9" * 5000 + b"}": "is not valid JSON",
    b'{"a": 1, "a": 2}': "a key stands in it twice",
    b'{"a": "\\ud800"}': "is not text in UTF-8",
    b'\xef\xbb\xbf{"a": 1}': "is not valid JSON",
    b"\0" * 100: "is not valid JSON",
}


@pytest.mark.parametrize("data", JSON, ids=[said[:40] for said in JSON.values()])
def test_a_file_that_is_no_mapping_in_json_ends_in_one_line(tmp_path, data):
    path = tmp_path / "result.json"
    path.write_bytes(data)
    assert JSON[data] in refused(read_json, path)


def test_a_mapping_is_read_and_its_keys_are_held_to_their_types(tmp_path):
    path = tmp_path / "result.json"
    said = {"variant": "step1 · ä", "seed": 0, "error": None, "loss": 0.1, "on": True}
    path.write_text(json.dumps(said), encoding="utf-8")
    assert read_json(path, needs={"variant": str, "seed": int, "error": str | None, "on": bool}) == said
    assert "lacks `key`" in refused(read_json, path, needs={"key": str})
    assert "seed=0: has the wrong type (number)" in refused(read_json, path, needs={"seed": str | None})
    assert "on=True: has the wrong type (true or false)" in refused(read_json, path, needs={"on": int})


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "result.json"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no disk
    assert "more than 16,777,216 bytes" in refused(read_json, path)
    path.write_bytes(b"{}" + b" " * 99)
    assert read_json(path, 101) == {}
    refused(read_json, path, 100)


def test_what_is_no_file_is_not_opened(tmp_path):
    import socket

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "plain").touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name in ("pipe", "folder", "zero", "socket"):
            assert "is no regular file; remove it, and" in refused(read_json, tmp_path / name)
            assert "is no regular file" in refused(open_npz, tmp_path / name, EXPECTED)
    for name in ("round", "x" * 300, "nul\0l"):
        assert "cannot be read" in refused(read_json, tmp_path / name)
    for read in (read_json, lambda path: read_bytes(path, 9), lambda path: open_npz(path, EXPECTED)):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing")
        with pytest.raises(FileNotFoundError):  # a file where a run's folder would be is no run
            read(tmp_path / "plain" / "result.json")


def test_a_seal_is_the_manifests_and_survives_writing_and_reading(tmp_path):
    content = {"b": [1, 2.5, (3,)], "a": {"é": None, 10: 1, 2: 0.1}}
    written = json.loads(json.dumps(content | {"seal": seal(content)}))
    assert checked(written, tmp_path) == json.loads(json.dumps(content))
    plain = {"b": [1, 2.5], "a": "é"}
    assert seal(plain) == hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def test_whatever_is_changed_breaks_the_seal(tmp_path):
    content = {"variant": "step1", "seed": 0, "metrics": {"accuracy": 0.5}}
    whole = content | {"seal": seal(content)}
    for change in ({"seed": 1}, {"variant": "step2"}, {"metrics": {"accuracy": 0.51}}, {"more": None}, {"seal": "x"}):
        assert "was changed since it was written" in refused(checked_as, tmp_path, whole | change)
    assert "was changed" in refused(checked_as, tmp_path, {key: whole[key] for key in ("variant", "seed", "seal")})
    assert "has no seal" in refused(checked_as, tmp_path, content)


def checked_as(path, said):
    return checked(said, path)


N, CLASSES = 50, 3
EXPECTED = {
    "labels": Array("iu", ("examples",)),
    "scores": Array("b", ("examples",)),
    "probabilities": Array("f", ("examples", "classes")),
    "scores_ten_crop": Array("b", ("examples",), optional=True),
}


def arrays(**others):
    rng = np.random.default_rng(0)
    kept = {
        "labels": rng.integers(0, CLASSES, N),
        "scores": rng.random(N) < 0.5,
        "probabilities": rng.random((N, CLASSES), dtype=np.float32),
    }
    return {name: array for name, array in (kept | others).items() if array is not None}


def saved(path, **others):
    np.savez(path, **arrays(**others))
    return path


def archive(path, *members, **options):
    """A zip of raw members, (name, bytes)."""
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def npy(array=None, *, shape=None, dtype="<i8", data=b""):
    if array is not None:
        file = io.BytesIO()
        np.save(file, array, allow_pickle=True)
        return file.getvalue()
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def members(**others):
    return [(f"{name}.npy", others.get(name) or npy(array)) for name, array in arrays().items()]


def test_arrays_are_read_as_they_were_written(tmp_path):
    for others in ({}, {"scores_ten_crop": np.ones(N, bool)}, {"probabilities": np.zeros((CLASSES, N)).T}):
        path = saved(tmp_path / "p.npz", **others)
        read = open_npz(path, EXPECTED)
        assert read.keys() == arrays(**others).keys()
        assert all(np.array_equal(read[name], array) for name, array in arrays(**others).items())
    assert open_npz(path, EXPECTED, only=["scores", "scores_ten_crop"]).keys() == {"scores"}
    assert open_npz(path, EXPECTED | {"labels": Array("iu", (N,))}).keys() == arrays().keys()


def test_a_header_that_claims_ten_trillion_entries_takes_no_memory(tmp_path):
    for shape in [(10**13,), (10**13, 1), (10**30,), (-1,), (-N,), (True,), (N, 0), (), (N + 1,), (0,)]:
        path = archive(tmp_path / "p.npz", *members(labels=npy(shape=shape, data=bytes(8 * N))))
        refused(open_npz, path, EXPECTED)
    for shape in [(10**13,), (10**13, 1), (N, 0), ()]:
        path = archive(path, *members(labels=npy(shape=shape, data=bytes(8 * N))))
        assert f"labels claims a shape of {shape}" in refused(open_npz, path, EXPECTED)


def test_a_shape_is_held_against_what_is_known_and_against_its_fellows(tmp_path):
    path = saved(tmp_path / "p.npz", scores=np.ones(N + 1, bool))
    assert f"scores claims a shape of ({N + 1},), not ({N} examples)" in refused(open_npz, path, EXPECTED)
    path = saved(tmp_path / "p.npz")
    assert f"not ({N + 1})" in refused(open_npz, path, EXPECTED | {"labels": Array("iu", (N + 1,))})
    assert "not (50 examples)" in refused(open_npz, path, EXPECTED | {"probabilities": Array("f", ("examples",))})


def test_what_is_packed_is_not_unpacked(tmp_path):
    path = tmp_path / "p.npz"
    with zipfile.ZipFile(path, "w") as file:  # 0.2 MB that unpack to 200 MB, in which all agree
        for name, array in arrays().items():
            file.compression = zipfile.ZIP_DEFLATED if name == "scores" else zipfile.ZIP_STORED
            with file.open(f"{name}.npy", "w") as out:
                out.write(npy(shape=(2 * 10**8,), dtype="|b1") if name == "scores" else npy(array))
                for _ in range(200 if name == "scores" else 0):
                    out.write(bytes(10**6))
    assert path.stat().st_size < 10**6
    assert "scores is packed" in refused(open_npz, path, EXPECTED | {"scores": Array("b", ("others",))})


def test_a_sparse_file_is_held_to_a_bound(tmp_path):
    path = saved(tmp_path / "p.npz")
    os.truncate(path, 1 << 40)
    assert "more than" in refused(open_npz, path, EXPECTED)
    assert "more than 100" in refused(open_npz, saved(path), EXPECTED, most=100)


@pytest.mark.parametrize("array", [np.array([Evil()] * N), np.array([Evil()], object), np.array(Evil())])
def test_a_pickle_is_never_loaded_nor_is_it_advised(tmp_path, ran, array):
    path = archive(tmp_path / "p.npz", *members(labels=npy(array)))
    assert "labels holds Python objects" in refused(open_npz, path, EXPECTED)
    pickle.loads(pickle.dumps(Evil()))  # the oracle: loading leaves its mark
    assert ran.exists()
    ran.rmdir()


@pytest.mark.parametrize(
    "kind", ["<f8", "|S8", "<U2", "|V8", "<M8[s]", "|O", "<c16", "|b1", [("a", "<i4"), ("b", "O")], "nonsense", 3]
)
def test_another_type_is_refused(tmp_path, kind):
    path = archive(tmp_path / "p.npz", *members(labels=npy(shape=(N,), dtype=kind, data=bytes(8 * N))))
    refused(open_npz, path, EXPECTED)


@pytest.mark.parametrize("name", ["other.npy", "labels", "../labels.npy", "/labels.npy", "labels.npy.npy", "x\n.npy"])
def test_a_member_of_another_name_is_refused(tmp_path, name):
    path = archive(tmp_path / "p.npz", *members(), (name, npy(np.zeros(N, int))))
    assert "it may hold labels, scores" in refused(open_npz, path, EXPECTED)


def test_a_member_that_is_missing_or_there_twice_is_refused(tmp_path):
    assert "it lacks labels" in refused(open_npz, saved(tmp_path / "p.npz", labels=None), EXPECTED)
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(tmp_path / "p.npz", *members(), ("labels.npy", npy(np.zeros(N, int))))
    assert "it holds labels twice" in refused(open_npz, path, EXPECTED)


def test_an_archive_of_very_many_members_is_not_listed(tmp_path):
    path = archive(tmp_path / "p.npz", *((f"{i}.npy", b"") for i in range(200)))
    assert "its directory has 200 entries" in refused(open_npz, path, EXPECTED)
    path = archive(tmp_path / "p.npz", *((f"{i}.npy", b"") for i in range(70_000)))  # beyond what a plain end can count
    refused(open_npz, path, EXPECTED)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + bytes(18), bytes(5000), b"\x93NUMPY\x01\x00", b"\x80\x04."])
def test_what_is_no_archive_is_refused(tmp_path, data):
    path = tmp_path / "p.npz"
    path.write_bytes(data)
    refused(open_npz, path, EXPECTED)
    path.write_bytes(pickle.dumps(Evil()))
    refused(open_npz, path, EXPECTED)


@pytest.mark.parametrize(
    "header", [b"{", b"(" * 900, b"__import__('os').mkdir('ran')", b"\xff" * 50, b"{}", b"1" * 999]
)
def test_a_header_that_is_none_is_refused(tmp_path, header):
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8 * N)
    refused(open_npz, archive(tmp_path / "p.npz", *members(labels=data)), EXPECTED)
    for start in (
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        b"\x93NUMPY\x03\x00\1\0\0\0",
        b"x",
    ):
        refused(open_npz, archive(tmp_path / "p.npz", *members(labels=start + bytes(8 * N))), EXPECTED)


def test_every_byte_that_is_changed_is_noticed_or_changes_nothing(tmp_path):
    whole = saved(tmp_path / "p.npz").read_bytes()
    right = open_npz(tmp_path / "p.npz", EXPECTED)
    noticed = 0
    for place in range(0, len(whole), 3):
        for data in (whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :], whole[:place]):
            (tmp_path / "p.npz").write_bytes(data)
            try:
                read = open_npz(tmp_path / "p.npz", EXPECTED)
            except InputError:
                noticed += 1
            else:
                assert all(np.array_equal(read[name], array) for name, array in right.items())
    assert noticed > len(whole) / 3


def test_reading_needs_no_torch():
    program = "import sys, dissect.store.reading; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert Path("ran").exists() is False
