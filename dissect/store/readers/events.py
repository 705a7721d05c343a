"""TensorBoard's event files: the scalars in them, by epoch."""

from collections import defaultdict
from pathlib import Path

import pandas as pd

from dissect.errors import InputError
from dissect.store.readers.found import by_epoch, logged

PATTERN = "events.out.tfevents.*"


def scalars(files: list[Path]) -> pd.DataFrame:
    """`epoch` and a column a tag; where nothing was logged as epoch, the step counts.

    Raises:
        InputError: for a file that is cut short or damaged, and where TensorBoard is not installed.
    """
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
        from tensorboard.util import tensor_util
    except ImportError as problem:
        raise InputError(f"{files[0]}: event files need TensorBoard; pip install tensorboard") from problem
    rows: dict[int, dict[str, float]] = defaultdict(dict)
    for path in files:
        refuse_cut(path)
        try:
            for event in EventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    array = tensor_util.make_ndarray(value.tensor) if value.HasField("tensor") else None
                    if array is not None and array.size == 1 and array.dtype.kind in "fiu":
                        rows[event.step][value.tag] = logged(float(array))
        except Exception as problem:  # protobuf and TensorBoard raise their own for what is damaged
            reason = " ".join(str(problem).split())[:200]
            raise InputError(f"{path}: cannot be read ({reason}); leave this run out, or run it again") from problem
    table = pd.DataFrame([{"step": step, **said} for step, said in sorted(rows.items())])
    return by_epoch(table) if len(table) else table


def refuse_cut(path: Path) -> None:
    """Refuse a file that does not end where a record does, as TensorBoard would read it without a word.

    A record is its length (8 bytes), a checksum (4), the data, and their checksum (4).
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        place = 0
        while place < size:
            file.seek(place)
            head = file.read(8)
            place += 16 + int.from_bytes(head, "little") if len(head) == 8 else size + 1
    if place != size:
        raise InputError(f"{path}: is cut short, so its last epochs are missing; leave this run out, or run it again")
