"""Fixtures that every test may use."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

import pytest

from qa.settings import Settings


def _refuse_other_machines(event: str, arguments: tuple[object, ...]) -> None:
    """Fail what would leave this machine; names are let through, as looking them up sends none."""
    if event != "socket.connect" or not isinstance(arguments[1], tuple):
        return
    host = str(arguments[1][0])
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise AssertionError(f"a test connects to {host!r}")


sys.addaudithook(_refuse_other_machines)


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The folder with the real weights, put there by ``qa models pull``."""
    return Settings.from_environment().models_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose index folder is the test's own."""
    return Settings(index_folder=tmp_path / "index")
