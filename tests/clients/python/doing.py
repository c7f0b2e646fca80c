"""Runs the parts of one client's script, in the client's own environment, and prints what became of each as JSON."""

import asyncio
import inspect
import json
import sys
import traceback
from types import FunctionType

URL, KEY, MODEL = sys.argv[1:4] if sys.argv[3:] else ("", "", "")
WEATHER = "18 degrees, sunny"
END = "It is sunny in Rome."
CITIES = ("Paris", "Rome")


def do(*parts: FunctionType) -> None:
    """Run every part, and print `{name: "ok" or the error}`."""
    done = {}
    for part in parts:
        try:
            result = part()
            if inspect.iscoroutine(result):
                asyncio.run(result)
            done[part.__name__] = "ok"
        except Exception:
            done[part.__name__] = traceback.format_exc(limit=-1)
    print(json.dumps(done))
