"""Prints what cfn-lint finds in a template for every region that it knows. Reads `{"template": text, "ignored": [rule]}`."""

import json
import logging
import sys

logging.disable(logging.WARNING)

from cfnlint.api import ManualArgs, lint  # noqa: E402
from cfnlint.helpers import REGIONS  # noqa: E402

request = json.load(sys.stdin)
config = ManualArgs(ignore_checks=request["ignored"])
for match in lint(request["template"], regions=list(REGIONS), config=config):
    print(match.rule.id, match.message, f"(line {match.linenumber})")
