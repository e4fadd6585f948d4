"""Whether a report.json keeps to the schema that is shipped with the package."""

import json
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = Path(__file__).resolve().parent.parent / "spikexact/report/schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def check(report: Any) -> None:
    """Raise a jsonschema.ValidationError, which says where, if a report does not keep to it."""
    worst = jsonschema.exceptions.best_match(VALIDATOR.iter_errors(report))
    if worst is not None:
        raise worst
