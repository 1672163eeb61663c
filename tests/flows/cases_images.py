"""Filled in by its part: a list of `Case`s."""

CASES = []
