"""Hands the examples of rules to an engine, and compares what it says with what the rules say that it does.

Base images are stubs of one program; nothing is pulled. The Dockerfile is the one that image-lsp shows, without the line
that names a frontend, which cannot be pulled here: the engine's own one reads it.
"""

import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

program, prefix, work = sys.argv[1:]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def stub():
    """A root folder with busybox under all its names, as a tar."""
    busybox = next(
        p for p in (pathlib.Path(prefix, "bin/busybox"), pathlib.Path(prefix, "usr/bin/busybox")) if p.exists()
    )
    names = run(str(busybox), "--list").stdout.split()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "root", "usr", "usr/bin", "opt", "var"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)

        def file(name, data, mode=0o755):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))

        file("bin/busybox", busybox.read_bytes())
        for name in names:
            if name != "busybox":
                info = tarfile.TarInfo(f"bin/{name}")
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(info)
        file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        file("etc/group", b"root:x:0:\n", 0o644)
        file("uv", b"#!/bin/sh\nexit 0\n")
        file("usr/bin/uv", b"#!/bin/sh\nexit 0\n")
    return content.getvalue()


STUB = stub()
loaded = set()


def load(image):
    if image not in loaded:
        subprocess.run(
            ["docker", "import", "--change", "ENV PATH=/bin:/usr/bin", "-", image],
            input=STUB,
            check=True,
            capture_output=True,
        )
        loaded.add(image)


def build(rule):
    """What the engine says of a rule's example."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        folder = pathlib.Path(folder)
        for path, text in [*rule["files"], ["m.py", rule["example"]]]:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        arguments = ("m.py", "--flyte-version", "2.12.1", "--output-format", "json")
        report = run(program, "inspect", *arguments, cwd=folder)
        image = json.loads(report.stdout)["images"][0]["variants"][0]
        text = re.sub(r"^# syntax=.*\n", "", image["dockerfile"])
        for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
            load(base)
        # What a step mounts or copies is of no interest, only that it is there.
        for source in re.findall(r"^COPY --chown\S+ (\S+)", text, re.MULTILINE):
            target = folder / source
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("x")
        (folder / "Dockerfile").write_text(text)
        platform = ",".join(image["platform"] or []) if rule["code"] == "IMG201" else "linux/amd64"
        command = ["docker", "buildx", "build", "--builder", "default", "--network", "none", "--progress", "plain"]
        command += ["--tag", image["uri"], "--platform", platform, str(folder)]
        answer = run(*command, env={**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
        return answer.returncode, answer.stdout + answer.stderr


rules = json.loads(run(program, "explain", "--all", "--output-format", "json").stdout)
# What the Dockerfile's line leads to: the rules whose pages quote the engine behind it.
BEHIND = {
    "IMG207": "RUN: not found",
}
wrong, count = [], 0
for rule in rules:
    expected = rule["proof"].get("error") if rule["proof"]["kind"] == "engine" else BEHIND.get(rule["code"])
    if expected is None:
        continue
    count += 1
    code, said = build(rule)
    if code == 0 or expected not in said:
        wrong.append(f"{rule['code']}: not {expected!r}, but\n{said}")
# apt-get says the same here as in a build; it only simulates.
apt = run("apt-get", "install", "--simulate", "Build_Essential")
if "Unable to locate package Build_Essential" not in apt.stdout + apt.stderr:
    wrong.append(f"IMG210: apt-get says {apt.stderr}")
print(f"engine: {count} rules, {len(wrong)} wrong")
if wrong or count < 4:
    sys.exit("\n".join(wrong))
