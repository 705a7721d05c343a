"""The user's own modules as this process has them: a run is trained by the code that it is known by, or not at all.

A key is worked out from files, and a module is imported once, some time later: in a worker, on a cluster's node after
hours in a queue, in a notebook perhaps long before. The file may be edited in between.
"""

import os
import struct
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from dissect.composing.code import Code, code_of
from dissect.composing.identity import code_in
from dissect.errors import InputError

_had: dict[str, tuple[Any, str]] = {}  # by module: what it was imported by, and the digest of its source then


def as_imported(code: Code) -> dict[str, str]:
    """The digests of own modules as this process has imported them, or would do now; "" for an older or another one."""
    return {name: _digest(name, code) or "" for name in code.digests}


def check_imported(known: Mapping[str, str], config: Mapping[str, Any]) -> None:
    """Refuse a run whose code is not what this process has imported, or would now.

    To be called before its objects are made, when they have been, and when it is trained, as a module may import
    another at any time.

    Args:
        known: the digests of own modules by which the run is known.
        config: plain; the parts of it that name them.

    Raises:
        InputError: naming the first file that differs.
    """
    if not known:
        return
    code = code_in(config)
    if gone := known.keys() - code.digests.keys():  # an edited module does not import them any more
        more = code_of(gone)
        code = Code(more.digests | code.digests, code.versions, more.sources | code.sources)
    for name, digest in known.items():
        ours = _digest(name, code)
        if ours == digest:
            continue
        file = code.sources.get(name) or f"{name.replace('.', '/')}.py"
        if ours == "":
            raise InputError(
                f"{file}: this process has imported {name} from an older or another file, and a run is known by its "
                "code; begin it anew (a notebook: restart its kernel)"
            )
        raise InputError(
            f"{file}: has changed since this run was asked for, and a run is known by its code; undo that, or ask again"
        )


def _digest(name: str, code: Code) -> str | None:
    spec = getattr(sys.modules.get(name), "__spec__", None)  # a reload brings another one
    if spec is None:
        return code.digests.get(name)
    had, digest = _had.get(name, (None, ""))
    if had is not spec:
        digest = "" if name not in code.digests or _older(spec, code.sources[name]) else code.digests[name]
        _had[name] = (spec, digest)
    return digest


def _older(spec: Any, file: Path) -> bool:
    """Whether a module is known to come from another file, or from an older state of it.

    Its bytecode says which source it was made of (PEP 552), where Python itself writes any; else nobody knows.
    """
    if spec.origin and os.path.realpath(spec.origin) != os.path.realpath(file):
        return True
    kept = type(spec.loader) is SourceFileLoader and spec.cached and os.access(os.path.dirname(spec.cached), os.W_OK)
    if sys.dont_write_bytecode or not kept:
        return False
    try:
        state = os.stat(file)
        with open(spec.cached, "rb") as bytecode:
            flags, *made_of = struct.unpack("<4xIII", bytecode.read(16))
    except (OSError, struct.error):
        return False
    return flags == 0 and made_of != [int(state.st_mtime) & 0xFFFFFFFF, state.st_size & 0xFFFFFFFF]
