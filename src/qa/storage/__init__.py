"""Keeps indexes on disk: whole, verified, or not at all."""

from qa.storage.build import Build
from qa.storage.contents import Contents
from qa.storage.manifest import IndexKey, Source
from qa.storage.store import IndexStore

__all__ = ["Build", "Contents", "IndexKey", "IndexStore", "Source"]
