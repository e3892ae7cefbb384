"""Evaluate any answerer with test sets: metrics with intervals, comparisons, and a report."""
