"""Serving, from a Dockerfile of our own and from a foreign base."""

from pathlib import Path

import flyte

HERE = Path(__file__).parent

gateway = flyte.Image.from_dockerfile(HERE / "Dockerfile", registry="ghcr.io/acme", name="gateway")

model = (
    flyte.Image.from_base("nvcr.io/nvidia/pytorch:24.08-py3")
    .clone(registry="ghcr.io/acme", name="model", extendable=True)
    .with_pip_packages(
        "fastapi",
        "uvicorn[standard]",
        secret_mounts=[flyte.Secret(key="PIP_TOKEN")],
        extra_index_urls="https://packages.acme.example/simple",
    )
    .with_source_file([HERE / "static" / "index.html", HERE / "static" / "app.css"], dst="/app/static/")
    .with_commands(["python -m compileall /app"])
)

images = {"gateway": gateway, "model": model}
