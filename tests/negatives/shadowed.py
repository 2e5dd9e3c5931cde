"""flyte's name taken by something else."""

import flyte

from mine import flyte as flyte  # noqa: F811

image = flyte.Image.from_base("Debian").with_pip_packages(["a"])


def build(flyte):
    return flyte.Image.from_debian_base(python_version="3.12").with_commands("a", "b")


class flyte:  # noqa: F811
    Image = None
