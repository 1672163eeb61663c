"""Longer runs as commands, with their results recorded in recipes/results."""
