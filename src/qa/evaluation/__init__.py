"""Evaluate any answerer with test sets: metrics with intervals, comparisons, and a report."""

from qa.evaluation.comparing import compare
from qa.evaluation.judging import Judge
from qa.evaluation.records import Estimate, Example, Outcome, Report
from qa.evaluation.reporting import read_report, write_report
from qa.evaluation.running import evaluate, outcomes
from qa.evaluation.testsets import load_examples

__all__ = [
    "Estimate",
    "Example",
    "Judge",
    "Outcome",
    "Report",
    "compare",
    "evaluate",
    "load_examples",
    "outcomes",
    "read_report",
    "write_report",
]
