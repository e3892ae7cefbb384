"""Reports as files: report.json has everything, report.md the figures, report.html is to be read.

A file is written under another name and renamed, so that it is whole or not there.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from qa.errors import ReportError
from qa.evaluation.html import report_to_html
from qa.evaluation.markdown import report_to_markdown
from qa.evaluation.records import Report
from qa.evaluation.report_json import report_from_json, report_to_json
from qa.storage.disk import Disk

JSON_NAME, MARKDOWN_NAME, HTML_NAME = "report.json", "report.md", "report.html"


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write a report's three files to a folder, which is made if need be, and return their paths.

    :raises ReportError: if the folder cannot be written to; the files that were there stay whole.
    """
    contents = {
        JSON_NAME: report_to_json(report),
        MARKDOWN_NAME: report_to_markdown(report).encode(errors="replace"),
        HTML_NAME: report_to_html(report).encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            _write(folder / name, data)
    except OSError as error:
        raise ReportError(
            f"The report cannot be written to {str(folder)!r}: {error.strerror}.",
            remedy="Name a folder that can be written to.",
        ) from error
    return [folder / name for name in contents]


def read_report(path: Path) -> Report:
    """Return the report of a folder that ``write_report`` wrote to, or of its report.json.

    :raises ReportError: if there is none, or what is there is not a whole report.
    """
    file = path / JSON_NAME if path.is_dir() else path
    try:
        return report_from_json(file.read_bytes())
    except OSError as error:
        raise ReportError(
            f"The report {str(file)!r} cannot be read: {error.strerror}.",
            remedy="Name the folder that an evaluation wrote its report to.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"The report {str(file)!r} is damaged or is something else: {error}.",
            remedy="Run the evaluation again.",
        ) from error


def _write(path: Path, data: bytes) -> None:
    disk = Disk()
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        disk.write(unfinished, data)
        disk.move(unfinished, path)
    finally:
        disk.remove(unfinished)
    disk.sync_folder(path.parent)
