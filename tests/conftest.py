"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.settings import Settings


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The folder with the real weights, put there by ``qa models pull``."""
    return Settings.from_environment().models_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose index folder is the test's own."""
    return Settings(index_folder=tmp_path / "index")
