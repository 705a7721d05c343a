"""What a study's finished runs amount to: charts, tables and one page. Reads the run store; trains nothing."""

import sys
from types import ModuleType
from typing import Any


class _Called(ModuleType):
    """`dissect.report(study, out)`: once this package is imported, its name in `dissect` is the package's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from importlib import import_module

        return import_module("dissect.api.study").report(*args, **kwargs)


sys.modules[__name__].__class__ = _Called
