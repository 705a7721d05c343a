"""`python -m dissect.plan`: what a study would take, and what it could show."""

import sys
from types import ModuleType
from typing import Any


class _Called(ModuleType):
    """`dissect.plan(pilot, gain)`: once this package is imported, its name in `dissect` is the package's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from importlib import import_module

        return import_module("dissect.api.study").plan(*args, **kwargs)


sys.modules[__name__].__class__ = _Called
