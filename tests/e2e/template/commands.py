"""Tells what is wrong with commands of `aws` and `sam`. Reads a list of command lines; writes a list of lists of faults."""

import json
import logging
import os
import re
import shlex
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
logging.disable(logging.WARNING)

import botocore.session  # noqa: E402
import click  # noqa: E402
import jmespath  # noqa: E402
from botocore import xform_name  # noqa: E402
from samcli.cli.main import cli  # noqa: E402

SESSION = botocore.session.get_session()

# AWS CLI, *global options*; those without a value, and those with one.
GLOBAL_FLAGS = {"--no-cli-pager", "--no-paginate", "--no-verify-ssl", "--debug"}
GLOBAL_OPTIONS = {
    "--query", "--region", "--output", "--profile", "--endpoint-url", "--cli-binary-format",
    "--cli-read-timeout", "--cli-connect-timeout", "--color",
}


# Commands that are the AWS CLI's own (AWS CLI, *configure* and *s3*).
OWN = {"configure": {"get", "list", "set", "sso"}, "s3": {"cp"}}


def aws_faults(words):
    if words == ["configure"]:
        return []
    service, operation, *rest = words
    if operation in OWN.get(service, ()):
        return []
    if service not in SESSION.get_available_services():
        return [f"aws has no service {service}"]
    model = SESSION.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        return [f"aws {service} has no command {operation}"]
    shape = model.operation_model(names[operation]).input_shape
    members = shape.members if shape else {}
    options = {"--" + xform_name(name, "-"): member for name, member in members.items()}
    faults, given, free = [], set(), []
    while rest:
        word = rest.pop(0)
        name, _, value = word.partition("=")
        flag = name.replace("--no-", "--", 1)
        if name in GLOBAL_FLAGS:
            continue
        if name in GLOBAL_OPTIONS:
            value = value or rest.pop(0)
            if name == "--query":
                jmespath.compile(value)
        elif flag in options and options[flag].type_name == "boolean":
            given.add(flag)
        elif name in options:
            given.add(name)
            while rest and not rest[0].startswith("--"):
                rest.pop(0)
                if options[name].type_name not in ("list", "map", "structure"):
                    break
        elif word.startswith("--"):
            faults.append(f"aws {service} {operation} has no option {name}")
        else:
            free.append(word)
    required = {"--" + xform_name(name, "-") for name in (shape.required_members if shape else [])}
    faults += [f"aws {service} {operation} needs {name}" for name in sorted(required - given)]
    # AWS CLI, *lambda invoke*: the file for the answer stands alone.
    if len(free) != ((service, operation) == ("lambda", "invoke")):
        faults.append(f"aws {service} {operation} takes {free} amiss")
    return faults


def sam_faults(words):
    command, path = cli, "sam"
    context = click.Context(cli, info_name="sam", obj=cli)
    while isinstance(command, click.MultiCommand) and words:
        name = words.pop(0)
        child = command.get_command(context, name)
        if child is None:
            return [f"{path} has no command {name}"]
        command, path = child, f"{path} {name}"
        context = click.Context(child, info_name=name, parent=context)
    try:
        command.make_parser(context).parse_args(args=list(words))
    except click.ClickException as error:
        return [f"{path}: {error.format_message()}"]
    return []


def faults(line):
    words = shlex.split(line)
    # What a shell does with the output is its own.
    for sign in ("|", ">", "&&"):
        words = words[: words.index(sign)] if sign in words else words
    program, *rest = words
    return {"aws": aws_faults, "sam": sam_faults}[program](rest)


json.dump([faults(line) for line in json.load(sys.stdin)], sys.stdout)
