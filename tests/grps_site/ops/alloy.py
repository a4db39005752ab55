"""Does with log lines what the stages of deploy/observe/grps.alloy say, and pushes them to Loki."""

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import httpx

STAGE = re.compile(r"stage\.(\w+)\s*\{(.*?)\n  \}", re.DOTALL)
PAIR = re.compile(r'^\s*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)
LIST = re.compile(r"values\s*=\s*\[([^\]]*)\]")


def stages(config: str) -> dict[str, dict[str, str]]:
    """Return the pairs of each stage, and for lists each word with itself."""
    found = {}
    for name, body in STAGE.findall(config):
        words = LIST.search(body)
        listed = re.findall(r'"(\w+)"', words[1]) if words else []
        found[name] = dict(PAIR.findall(body)) | {word: word for word in listed}
    return found


def push(url: str, config: str, lines: Iterable[str]) -> None:
    """Push lines as one request of Loki's API, grouped by their labels."""
    parts = stages(config)
    streams: dict[str, list[list[Any]]] = defaultdict(list)
    for line in lines:
        given = json.loads(line)
        values = {name: _at(given, path) for name, path in parts["json"].items()}
        labels = {name: values[source] for name, source in parts["labels"].items()}
        kept = {name: labels[name] for name in parts["label_keep"]}
        metadata = {
            name: value
            for name, source in parts["structured_metadata"].items()
            if (value := values[source]) is not None
        }
        moment = dt.datetime.fromisoformat(values[parts["timestamp"]["source"]])
        stamp = str(int(moment.timestamp() * 1_000_000) * 1000)
        streams[json.dumps(kept)].append([stamp, line, metadata])
    body = {
        "streams": [{"stream": json.loads(key), "values": rows} for key, rows in streams.items()]
    }
    httpx.post(f"{url}/loki/api/v1/push", json=body, timeout=30).raise_for_status()


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
