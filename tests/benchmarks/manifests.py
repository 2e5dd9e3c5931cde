"""Headers of scripts and large locks in the language server: what each feature takes, and whether a lock of 2 MB is
read once.

Usage: manifests.py IMAGE_LSP
"""

import pathlib
import sys
import tempfile
import time

from server import EDITS, Server, percentile

PACKAGES = 150

SCRIPT = """# /// script
# requires-python = ">=3.12"
# dependencies = [
#     "flyte>=2",
{dependencies}
# ]
#
# [tool.uv]
# exclude-newer = "2026-01-01T00:00:00Z"
# ///
import flyte
from pathlib import Path

image = flyte.Image.from_uv_script(Path(__file__), name="train", python_version=(3, 12))
env = flyte.TaskEnvironment(name="train", image=image)
"""

PROJECT = """[project]
name = "train"
version = "1"
requires-python = ">=3.12"
dependencies = ["package-1"]
"""

APP = """import flyte
from pathlib import Path

image = flyte.Image.from_debian_base(name="train", python_version=(3, 12)).with_uv_project(Path(__file__).parent / "pyproject.toml")
env = flyte.TaskEnvironment(name="train", image=image)


@env.task
async def train(count: int) -> int:
    return count
"""


def environment(folder: pathlib.Path) -> None:
    site = folder / ".venv/lib/python3.12/site-packages"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").touch()
    (folder / ".venv/pyvenv.cfg").write_text("version = 3.12.1\n")
    for number in range(PACKAGES):
        own = site / f"package_{number}-1.{number}.dist-info"
        own.mkdir(parents=True)
        (own / "METADATA").write_text(
            f"Name: package-{number}\nVersion: 1.{number}\nSummary: One of many.\nProject-URL: Homepage, https://example.org/{number}\n\n" + "text\n" * 2_000
        )


def lock(size: int) -> str:
    """A lock of about so many bytes."""
    text = 'version = 1\nrevision = 3\nrequires-python = ">=3.12"\n'
    root = '\n[[package]]\nname = "train"\nversion = "1"\nsource = {{ virtual = "." }}\ndependencies = [{{ name = "package-1" }}]\n\n[package.metadata]\nrequires-dist = [{{ name = "package-1" }}]\n'
    number = 0
    while len(text) < size:
        wheels = "".join(
            f'    {{ url = "https://files.example.org/packages/{number}/package_{number}-1.{number}-cp3{n}-manylinux.whl", hash = "sha256:{"0" * 64}", size = 10000 }},\n'
            for n in range(30)
        )
        text += f'\n[[package]]\nname = "package-{number}"\nversion = "1.{number}"\nsource = {{ registry = "https://index.example.org/simple" }}\nwheels = [\n{wheels}]\n'
        number += 1
    return text + root.format()


def told(what: str, values: list[float]) -> None:
    print(f"{what:<44}{percentile(values, 0.5):9.2f} ms p50 {percentile(values, 0.95):9.2f} ms p95")


def features(program: str, folder: pathlib.Path) -> None:
    names = "\n".join(f'#     "package-{n}>=1",' for n in range(10))
    text = SCRIPT.format(dependencies=names)
    (folder / "train.py").write_text(text)
    server = Server([program, "--stdio"], folder)
    uri = server.open(folder / "train.py", text)
    document = {"textDocument": {"uri": uri}}
    dependency = {"line": 6, "character": 10}
    span = {"start": dependency, "end": dependency}
    options = {"tabSize": 4, "insertSpaces": True}
    requests = {
        "hover": {**document, "position": dependency},
        "completion": {**document, "position": dependency},
        "documentLink": document,
        "documentSymbol": document,
        "codeAction": {**document, "range": span, "context": {"diagnostics": []}},
        "definition": {**document, "position": dependency},
        "formatting": {**document, "options": options},
    }
    for method, parameters in requests.items():
        times = []
        for _ in range(EDITS):
            start = time.perf_counter()
            answer = server.request(f"textDocument/{method}", parameters)
            times.append(time.perf_counter() - start)
        assert answer["result"] is not None, answer
        told(f"header, {method}", times)
    typed = [server.type(uri, n + 1, 4, 6, "x") for n in range(EDITS)]
    told("header, edit to diagnostics", typed)
    server.end()


def read_bytes(server: Server) -> int:
    for line in pathlib.Path(f"/proc/{server.process.pid}/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    return 0


def large_lock(program: str, folder: pathlib.Path) -> None:
    for size in (2_000, 2_000_000):
        text = lock(size)
        (folder / "uv.lock").write_text(text)
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "app.py").write_text(APP)
        server = Server([program, "--stdio"], folder)
        uri = server.open(folder / "app.py", APP)
        before = read_bytes(server)
        typed = [server.type(uri, n + 1, 9, 10, "x") for n in range(EDITS)]
        count = read_bytes(server) - before
        told(f"edit to diagnostics, uv.lock of {len(text) / 1e6:.1f} MB", typed)
        print(f"  read meanwhile: {count / 1e6:.2f} MB, resident {server.resident():.1f} MiB")
        server.end()


def large_requirements(program: str, folder: pathlib.Path) -> None:
    lines = "".join(f"package-{n}==1.{n} \\\n    --hash=sha256:{'0' * 64}\n" for n in range(1_500))
    (folder / "requirements.txt").write_text(lines)
    app = APP.replace("with_uv_project", "with_requirements").replace("pyproject.toml", "requirements.txt")
    (folder / "app.py").write_text(app)
    server = Server([program, "--stdio"], folder)
    uri = server.open(folder / "app.py", app)
    typed = [server.type(uri, n + 1, 9, 10, "x") for n in range(EDITS)]
    told("edit to diagnostics, 1,500 hashed requirements", typed)
    own = server.open(folder / "requirements.txt", lines)
    typed = [server.type(own, n + 1, 2_000, 7, "x") for n in range(EDITS)]
    told("edit of 1,500 hashed requirements", typed)
    server.end()


if __name__ == "__main__":
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        environment(folder)
        (folder / "uv.lock").write_text(lock(20_000))
        features(program, folder)
        (folder / "train.py").unlink()
        large_lock(program, folder)
        large_requirements(program, folder)
