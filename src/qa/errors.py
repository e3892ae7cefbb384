"""The errors that the program states to people, each with what to do about it."""

from __future__ import annotations


class QAError(Exception):
    """What went wrong, and the remedy: the exact command or change that mends it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class SettingsError(QAError):
    """A setting is unknown or out of its bounds."""


class QuestionError(QAError):
    """The question cannot be asked: empty, too long, or not text."""


class ArticleError(QAError):
    """The article cannot be read: missing, empty, binary, or not in a known encoding."""


class WeightsError(QAError):
    """A file of a model is missing, damaged, or cannot be fetched."""


class StorageError(QAError):
    """The index cannot be read or written."""


class DamagedIndexError(StorageError):
    """A build of the index is not what its manifest says; it is never served."""


class EngineError(QAError):
    """The process that runs the language model failed, hung, or could not be started."""


class ReportError(QAError):
    """The report of an evaluation cannot be read or written."""


class ExamplesError(QAError):
    """A test set cannot be used; the message lists all that is wrong with it, a line each."""
