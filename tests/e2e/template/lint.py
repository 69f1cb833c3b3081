"""Prints what cfn-lint finds in each of some templates for every region that it knows: a list of texts.

Reads `[{"template": text, "ignored": [rule]}, ...]`. One program for all: to import cfn-lint takes longer than to lint.
"""

import json
import logging
import sys

logging.disable(logging.WARNING)

from cfnlint.api import ManualArgs, lint  # noqa: E402
from cfnlint.helpers import REGIONS  # noqa: E402


def found(template, ignored):
    matches = lint(template, regions=list(REGIONS), config=ManualArgs(ignore_checks=ignored))
    return "".join(f"{match.rule.id} {match.message} (line {match.linenumber})\n" for match in matches)


json.dump([found(**request) for request in json.load(sys.stdin)], sys.stdout)
