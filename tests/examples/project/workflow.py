"""A uv project, with its lock and a package that is installed editable."""

from pathlib import Path

import flyte

PROJECT = Path(__file__).parent

dependencies = flyte.Image.from_debian_base(
    python_version=(3, 12), registry="ghcr.io/acme", name="features", install_flyte=False
).with_uv_project(PROJECT / "pyproject.toml")

installed = dependencies.with_uv_project(
    PROJECT / "packages/schema/pyproject.toml",  # image-lsp: ignore[IMG105] the lock of the project holds for it
    project_install_mode="install_project",
)
