from pathlib import Path
def execute_stale(a,b): return []
def record_path(build, docname): return build / "executed" / f"{docname}.json"
