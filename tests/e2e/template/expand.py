"""Prints templates as AWS SAM expands them. Reads `[[file, {parameter: value}], ...]`; what is not given has its default."""

import json
import logging
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
logging.disable(logging.WARNING)

from samcli.yamlhelper import yaml_parse  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402


class NoPolicies:
    """Managed policies by name; the template names none."""

    def load(self):
        return {}


def uploaded(template):
    """Names what `sam package` would have uploaded."""
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://artifacts/code"
        if "TemplateURL" in properties:
            properties["TemplateURL"] = "https://s3.amazonaws.com/artifacts/template"
    return template


def expanded(file, parameters):
    with open(file) as text:
        template = uploaded(yaml_parse(text.read()))
    return transform(template, parameters, NoPolicies())


json.dump([expanded(file, parameters) for file, parameters in json.load(sys.stdin)], sys.stdout)
