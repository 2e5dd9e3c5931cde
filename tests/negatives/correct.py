"""flyte as it is meant: nothing to find."""

from pathlib import Path

import flyte

HERE = Path(__file__).parent
PACKAGES = ("httpx>=0.27", "pandas[excel]~=2.0; python_version >= '3.10'", "torch @ https://example.org/torch.whl")

gpu = (
    flyte.Image.from_base("nvcr.io/nvidia/pytorch:24.01-py3")
    .clone(name="gpu", registry="ghcr.io/acme", extendable=True)
    .with_pip_packages("flyte", *PACKAGES)
    .with_env_vars({"PATH": "/opt/bin:$PATH", "FLAGS": '"--a --b"', "EMPTY": "", "URL": "https://user@example.org/?a=b"})
)
tools = (
    flyte.Image.from_debian_base(name="tools", python_version=(3, 12), platform=("linux/amd64",))
    .with_apt_packages("git", "curl", "libgl1=1.0", "g++")
    .with_pip_packages("git+https://github.com/acme/acme.git@main", "--pre", "./wheels/x.whl")
    .with_commands(
        [
            "curl -sSfL https://example.org/tool-linux-amd64 -o /usr/local/bin/tool",
            "cd /opt && mkdir data && bash -c 'set -o pipefail; [[ -d data ]]'",
            "uv pip install --system torch",
            "/usr/bin/python3 -m pip install wheel",
            "sh -c 'echo {a,b}'",
        ]
    )
    .with_source_file(Path(__file__))
)
both = flyte.Image.from_debian_base(name="both").with_apt_packages("curl").with_commands(
    ["curl -sSfL https://example.org/tool-linux-$(uname -m) -o /usr/local/bin/tool && echo x86_64"]
)
private = flyte.Image.from_debian_base(name="private").with_pip_packages(
    "acme", index_url="https://ci:$TOKEN@example.org/simple", secret_mounts=[flyte.Secret("t", as_env_var="TOKEN")]
)
container = flyte.Image.from_base("alpine:3.20")
tasks = flyte.TaskEnvironment(name="tasks", image=tools)
