"""Lets a user's `storage.py` and Lookalike's package `storage` live in one process.

Python looks in a notebook's own folder first, so that a file there hides a package of the same name. Here
Lookalike's package gets the name, and what it does not have is looked up in the user's module: both
`storage.Root` and the user's `storage.load_sales` work. Imports nothing of Lookalike's, which may be hidden.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("storage", "scrapers", "embedding", "flows", "dashboards")
HOME = Path(__file__).resolve().parent.parent
"""Where all packages of Lookalike's lie side by side, in a checkout and where they are installed."""


def install() -> None:
    """Makes `PACKAGES` mean Lookalike's in this process, also where something else has the name already."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    for name in PACKAGES:
        module = sys.modules.get(name)
        if module is not None and not _is_own(name, module.__spec__):
            finder.loaded[name] = module
            _forget(name)
            import_module(name)  # it may be the user's module that imports Lookalike, and is not done yet


class _Finder(MetaPathFinder):
    """Finds Lookalike's packages where they lie, whatever comes first in `sys.path`.

    :ivar loaded: modules of the user's that were imported before Lookalike, by name.
    """

    def __init__(self) -> None:
        self.loaded: dict[str, ModuleType] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in PACKAGES:
            return None
        own = PathFinder.find_spec(name, [str(HOME)])
        if own is None or own.loader is None or own.submodule_search_locations is None:
            return own
        if name in self.loaded:
            module = self.loaded[name]
            own.submodule_search_locations.extend(getattr(module, "__path__", ()))
            own.loader = _Loader(own.loader, _Theirs(own, module))
            return own
        hidden = PathFinder.find_spec(name)
        if hidden is not None and not _is_own(name, hidden):
            own.submodule_search_locations.extend(hidden.submodule_search_locations or ())
            own.loader = _Loader(own.loader, _Theirs(hidden))
        return own


class _Theirs:
    """The module of the user's that has the name of a package of Lookalike's, loaded when it is asked for.

    :ivar module: None until then. While it is loaded it is there already, as in any circle of imports.
    """

    def __init__(self, spec: ModuleSpec, module: ModuleType | None = None) -> None:
        """:param spec: how to load it, where there is no `module` yet."""
        self._spec = spec
        self.module = module
        self._loading = threading.RLock()

    def load(self) -> ModuleType:
        with self._loading:
            if self.module is None:
                self.module = module_from_spec(self._spec)
                try:
                    if self._spec.loader is not None:  # a folder without `__init__.py` has none
                        self._spec.loader.exec_module(self.module)
                except BaseException:
                    self.module = None
                    raise
            return self.module


class _Package(ModuleType):
    """A package of Lookalike's that has the other attributes of the user's module, too."""

    _theirs: _Theirs

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return _public(self._theirs.load())
        if self._is_ours(name):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name)
        return getattr(self._theirs.load(), name)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "_theirs" or self._is_ours(name):
            super().__setattr__(name, value)
        else:
            setattr(self._theirs.load(), name, value)  # where functions of the user's look

    def _is_ours(self, name: str) -> bool:
        # Lookalike's own modules come first, also those that nothing has imported yet.
        return name.startswith("__") or _is_submodule(self.__name__, name)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        """Where dataclasses, pydantic and `typing` look up the names in annotations of the user's classes."""
        theirs = self._theirs.module
        return super().__dict__ if theirs is None else super().__dict__ | vars(theirs)


class _Loader(Loader):
    """Loads a package of Lookalike's that has the name of a module of the user's."""

    def __init__(self, own: Loader, theirs: _Theirs) -> None:
        self._own = own
        self._theirs = theirs

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._own.exec_module(module)
        module._theirs = self._theirs  # type: ignore[attr-defined]
        module.__class__ = _Package

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)  # `importlib.resources` and `-m` ask the loader for more


def _public(module: ModuleType) -> list[str]:
    named = getattr(module, "__all__", None)
    return [name for name in vars(module) if not name.startswith("_")] if named is None else list(named)


def _is_own(name: str, spec: ModuleSpec | None) -> bool:
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve().parent == HOME / name


def _is_submodule(package: str, name: str) -> bool:
    folder = HOME / package
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def _forget(package: str) -> None:
    """Drops a user's module from `sys.modules`, and those of its own that Lookalike's package has, too."""
    del sys.modules[package]
    for name in list(sys.modules):
        if name.startswith(f"{package}.") and _is_submodule(package, name.split(".")[1]):
            del sys.modules[name]
