"""Training, on GPUs where ACME_GPU is set."""

import os
import sys
from pathlib import Path

import flyte

sys.path.append(str(Path(__file__).parent.parent))
from shared.images import base  # noqa: E402

HERE = Path(__file__).parent

image = (
    base("train", "torch==2.4.1", "polars")
    .with_apt_packages("git", "libgomp1")
    .with_requirements(HERE / "requirements.txt")
    .with_env_vars({"OMP_NUM_THREADS": "4", "HF_HUB_ENABLE_HF_TRANSFER": "1"})
    .with_source_folder(HERE / "configs")
)
if os.environ.get("ACME_GPU"):
    image = image.with_pip_packages("nvidia-ml-py", index_url="https://packages.acme.example/simple")

env = flyte.TaskEnvironment(name="train", image=image)


@env.task
async def train(epochs: int = 3) -> float:
    return 1.0 / epochs
