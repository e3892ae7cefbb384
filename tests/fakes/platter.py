"""A disk that remembers what was flushed, so that a loss of power after any call can be played."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fakes.disks import CHANGES, Calls


class Platter(Calls):
    """Keeps a log of the changes to the files below one folder."""

    def __init__(self, top: Path) -> None:
        super().__init__()
        self.log: list[tuple[Any, ...]] = []
        self._top = top
        self._open: dict[int, Path] = {}

    def do(self, name: str, *arguments: Any) -> Any:
        result = super().do(name, *arguments)
        if name == "open":
            path, flags, *_ = arguments
            self._open[result] = path
            if flags & os.O_CREAT:
                self.log.append(("create", self._parts(path)))
        elif name == "write":
            self.log.append(("write", self._parts(self._open[arguments[0]]), bytes(arguments[1])))
        elif name == "fsync":
            self.log.append(("fsync", self._parts(self._open[arguments[0]])))
        elif name in CHANGES:
            paths = [self._parts(each) for each in arguments if isinstance(each, Path)]
            self.log.append((name, *paths))
        return result

    def flush_all(self) -> None:
        """Note that the system has flushed everything, as it does from time to time."""
        self.log.append(("flush all", ()))

    def _parts(self, path: Path) -> tuple[str, ...]:
        return path.relative_to(self._top).parts


class Node:
    """A file or folder: what it holds now, and what of it was flushed."""

    def __init__(self, *, is_folder: bool) -> None:
        self.is_folder = is_folder
        self.data = b""
        self.flushed_data = b""
        self.names: dict[str, Node] = {}
        self.flushed_names: dict[str, Node] = {}

    def flush(self) -> None:
        """Make durable what it holds."""
        self.flushed_data = self.data
        self.flushed_names = dict(self.names)

    def flush_all(self) -> None:
        """Make durable what it and all below it hold."""
        self.flush()
        for node in self.names.values():
            node.flush_all()


def after(log: list[tuple[Any, ...]]) -> Node:
    """Return the folder as it is after the changes of a log, flushed or not."""
    top = Node(is_folder=True)
    for change, path, *rest in log:
        if change == "flush all":
            top.flush_all()
            continue
        parent = _find(top, path[:-1])
        if change == "create":
            parent.names.setdefault(path[-1], Node(is_folder=False)).data = b""
        elif change == "write":
            parent.names[path[-1]].data += rest[0]
        elif change == "fsync":
            _find(top, path).flush()
        elif change == "mkdir":
            parent.names[path[-1]] = Node(is_folder=True)
        elif change == "replace":
            _find(top, rest[0][:-1]).names[rest[0][-1]] = parent.names.pop(path[-1])
        else:
            del parent.names[path[-1]]
    return top


def _find(node: Node, path: tuple[str, ...]) -> Node:
    for name in path:
        node = node.names[name]
    return node


def restore(node: Node, folder: Path, kept: Callable[[], bool]) -> None:
    """Make the folder that a loss of power leaves; ``kept`` says of each unflushed thing if it is.

    A name that was given another thing has either the old or the new one; a file that was written
    has what was flushed, or some beginning of what was not.
    """
    folder.mkdir()
    for name in sorted(node.names.keys() | node.flushed_names.keys()):
        old, new = node.flushed_names.get(name), node.names.get(name)
        found = old if old is new or not kept() else new
        if found is None:
            continue
        if found.is_folder:
            restore(found, folder / name, kept)
        else:
            data = found.data if kept() else found.flushed_data
            (folder / name).write_bytes(data)
