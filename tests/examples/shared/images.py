"""Images that several workflows build on."""

import os

import flyte

REGISTRY = os.getenv("ACME_REGISTRY", "ghcr.io/acme")
PYTHON = (3, 12)
COMMON = ["httpx>=0.27", "pydantic>=2"]


def base(name: str, *packages: str) -> flyte.Image:
    """An image with the packages that everything needs."""
    image = flyte.Image.from_debian_base(python_version=PYTHON, registry=REGISTRY, name=name)
    return image.with_pip_packages(*COMMON, *packages)


cpu = base("cpu")
