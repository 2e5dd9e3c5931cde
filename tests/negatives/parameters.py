"""Images and values that come from outside: nothing is known of them."""

import os
import flyte


def more(image: flyte.Image, packages, path, commands) -> flyte.Image:
    return image.with_pip_packages(*packages).with_requirements(path).with_commands(commands)


def named(name, registry, version):
    return flyte.Image.from_debian_base(name=name, registry=registry, python_version=version)


image = flyte.Image.from_debian_base(
    name=os.environ["IMAGE_NAME"], registry=os.environ.get("REGISTRY"), python_version=tuple(load())  # noqa: F821
).with_env_vars({"KEY": os.environ["KEY"]})
token = flyte.Image.from_debian_base(name="a").with_env_vars({"HF_TOKEN": os.environ["HF_TOKEN"], "TOKENIZERS": "true"})
