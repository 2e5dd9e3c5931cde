#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.12"
# dependencies = [
#   "flyte==2.12.1",
#   "matplotlib>=3.9",
# ]
# ///
"""A script that brings its own dependencies."""

import flyte

env = flyte.TaskEnvironment(
    name="report",
    image=flyte.Image.from_uv_script(__file__, name="report", registry="ghcr.io/acme", python_version=(3, 12)),
)


@env.task
def report() -> str:
    return "done"
