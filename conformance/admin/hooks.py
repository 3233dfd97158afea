"""What schemathesis does not know by itself: media types of the admin API, and identifiers that name something."""

import json
import os
import pathlib
import sys

import requests.auth
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from prepared import Prepared  # noqa: E402  the folder is not a package

prepared = Prepared(os.environ["USHER_ADMIN_BASE"], os.environ["USHER_ADMIN_TOKEN"])


@schemathesis.serializer("application/toml")
def toml(ctx, value):
    """An organisation file is a text; what is drawn is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", errors="replace")


@schemathesis.deserializer("application/x-ndjson")
def lines(ctx, response):
    """Every line is one document of the schema; the first stands for all. An answer without any line is an empty document."""
    first = response.content.split(b"\n", 1)[0]
    return json.loads(first) if first.strip() else {}


class Bearer(requests.auth.AuthBase):
    """Another token than the one of the command line."""

    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def is_well_formed(case, location):
    """Whether this part of a request is meant to be accepted, also when there is nothing of it."""
    part = case.meta.components.get(location) if case.meta else None
    return part is None or part.mode is GenerationMode.POSITIVE


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """What is well formed speaks of objects that are there. Malformed parts stay as they were drawn."""
    only_read = case.method.upper() == "GET"
    bearer = prepared.bearer(case.operation.path, only_read)
    if bearer is not None and is_well_formed(case, ParameterLocation.HEADER):
        kwargs["auth"] = Bearer(bearer)
    if case.path_parameters and is_well_formed(case, ParameterLocation.PATH):
        case.path_parameters.update(prepared.identifiers(case.operation.path, only_read))
    if isinstance(case.body, dict) and is_well_formed(case, ParameterLocation.BODY):
        prepared.fill(case.body)


@schemathesis.hook
def after_call(ctx, case, response):
    """What was prepared and is gone is not used again."""
    if response.status_code in (401, 403, 404):
        prepared.forget(case.operation.path)
