"""Settings come from the environment, bounded; what is unknown is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.errors import SettingsError
from qa.settings import Settings


def test_variables_are_parsed() -> None:
    settings = Settings.from_environment(
        {"QA_THREADS": "3", "QA_INDEX_FOLDER": "/somewhere", "HOME": "/ignored"}
    )
    assert (settings.threads, settings.index_folder) == (3, Path("/somewhere"))


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"QA_THREADS": "0", "QA_COLOUR": "red"})
    assert caught.value.message == (
        "QA_THREADS='0' is not allowed: Input should be greater than or equal to 1; "
        "There is no setting QA_COLOUR."
    )
    assert "QA_CHAT_MODEL" in caught.value.remedy


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
