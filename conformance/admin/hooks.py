"""Media types of the admin API that schemathesis does not know by itself."""

import json

import schemathesis


@schemathesis.serializer("application/toml")
def toml(ctx, value):
    """An organisation file is a text; what is drawn is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", errors="replace")


@schemathesis.deserializer("application/x-ndjson")
def lines(ctx, response):
    """Every line is one document of the schema; the first stands for all. An answer without any line is an empty document."""
    first = response.content.split(b"\n", 1)[0]
    return json.loads(first) if first.strip() else {}
