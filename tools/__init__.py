"""Commands of the makers: `python -m tools.<name>`. Nothing here is needed to use the package."""
