"""Files from a folder or a zip: nothing is unpacked or read that no picture can be."""

import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from dissect.errors import InputError
from dissect.images import trees
from dissect.images.stamps import changed
from dissect.images.trees import Folder, Zip, shown

ODD = 54_321  # so that no other number in a zip is the same


def bomb(path: Path, megabytes: int, entries: int = 1) -> Path:
    """A zip a thousand times smaller than what it unpacks to."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("wnids.txt", "n0\n")
        for number in range(entries):
            with file.open(f"{number}.JPEG", "w") as entry:
                for _ in range(megabytes):
                    entry.write(bytes(1 << 20))
                entry.write(bytes(ODD))
    return path


@pytest.mark.parametrize(("megabytes", "entries"), [(100, 1), (10, 10)])
def test_a_zip_that_unpacks_to_many_times_its_size_is_refused(tmp_path: Path, megabytes: int, entries: int) -> None:
    path = bomb(tmp_path / "a.zip", megabytes, entries)
    with pytest.raises(InputError, match=r"a\.zip: unpacks to 0\.1 GB, [0-9,]+ times its size") as caught:
        Zip(path, landmark="wnids.txt")
    assert "\n" not in str(caught.value)


def test_an_entry_larger_than_a_picture_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path / "a.zip", 3)
    monkeypatch.setattr(trees, "LARGEST", 1 << 20)
    monkeypatch.setattr(Zip, "stream", lambda *_: pytest.fail("is unpacked"))
    with pytest.raises(ValueError, match="its 3,200,049 bytes are more than the 1,048,576 that one file may have"):
        Zip(path, landmark="wnids.txt").read("0.JPEG")


def test_a_zip_whose_directory_lies_unpacks_no_further_than_it_says(tmp_path: Path) -> None:
    path = bomb(tmp_path / "a.zip", 48)
    data = path.read_bytes()
    size = struct.pack("<I", (48 << 20) + ODD)
    assert data.count(size) == 2  # in the entry's own head and in the directory
    path.write_bytes(data.replace(size, struct.pack("<I", 1000)))
    tree = Zip(path, landmark="wnids.txt")
    tracemalloc.start()
    try:
        with pytest.raises(zipfile.BadZipFile, match="Bad CRC"):
            tree.read("0.JPEG")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
        tree.close()


def test_what_took_a_files_place_since_it_was_listed_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match="is no plain file"):
        Folder(tmp_path).read("pipe.png")


def test_names_are_shown_in_one_line_of_utf8() -> None:
    assert shown(os.fsdecode(b"caf\xe9\n\x1b[31m.png")) == r"caf\xe9\n\x1b[31m.png"
    assert shown("訓練 café") == "訓練 café"


def test_stamps_change_with_a_files_name_size_or_time_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("one")
    (tmp_path / "a/to-itself").symlink_to("to-itself")
    (tmp_path / "a/around").symlink_to(tmp_path / "a")
    os.mkfifo(tmp_path / "a/pipe")
    found = [changed(tmp_path)]
    assert changed(tmp_path) == found[0]
    (tmp_path / "a/b/c").write_text("two")
    found.append(changed(tmp_path))
    (tmp_path / "a/b/c").rename(tmp_path / "a/b/d")
    found.append(changed(tmp_path))
    (tmp_path / "a/b/d").write_text("three")
    found.append(changed(tmp_path))
    (tmp_path / "a/b").rename(tmp_path / "a/e")
    found.append(changed(tmp_path))
    assert len(set(found)) == len(found)
    assert changed(tmp_path, inside=["elsewhere"]) != found[-1]
