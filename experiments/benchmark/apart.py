"""One side of a comparison in a process of its own: what it sets, the allocator's settings say, is not the other's."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any


@contextmanager
def apart(**sides: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Yields what calls a side by its name with arguments, each always in the same process of its own."""
    with ExitStack() as stack:
        pools = {name: stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn"))) for name in sides}
        yield lambda name, *arguments: pools[name].submit(sides[name], *arguments).result()
