from pathlib import Path

import flyte

image = flyte.Image.from_debian_base(name="wants", python_version=(3, 12)).with_requirements(Path(__file__).parent / "requirements-wrong.txt")
