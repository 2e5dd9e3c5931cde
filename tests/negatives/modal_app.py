"""modal has an Image with methods of the same names."""

import modal
from modal import Image

image = modal.Image.from_dockerfile("Dockerfile").with_pip_packages(["numpy"])
other = Image.debian_slim().pip_install(["numpy pandas"]).run_commands("RUN echo", "cd x")
base = Image.from_base("Debian").with_env_vars({"A B": "c d"})
