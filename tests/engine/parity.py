"""flyte's own build and ours, on one engine: the same image.

flyte runs docker's buildx; the frontend that its Dockerfiles name is there, compiled from its sources. Ours follows with
the first one's tag taken away: it has to come to the same image, every step from the cache, which means that the engine
was handed the same Dockerfile, the same files with the same modes, and the same secrets.
"""

import json
import os
import pathlib
import subprocess
import sys

from lab import NO_NETWORK, WORK, Engine, Project, Registry, archive, build, environment, main, prepare

prepare()
FLYTE = pathlib.Path(os.environ["FLYTE"])
UV = pathlib.Path(os.environ["UV_FOLDER"])
ENGINE = Engine("main").start().load_bases().load_frontend()
REGISTRY = Registry("open", 5000)
PIXI = b'#!/bin/sh\necho "pixi $*"\nmkdir -p /opt/pixi-project/.pixi/envs/default/bin\n'
ENGINE.load("ghcr.io/prefix-dev/pixi:0.72.2", archive({"usr/local/bin/pixi": (PIXI, 0o755)}))
ENGINE.load("ghcr.io/prefix-dev/pixi:latest", archive({"usr/local/bin/pixi": (PIXI, 0o755)}))

HEAD = "import pathlib\n\nimport flyte\n\n"
BASE = 'flyte.Image.from_debian_base(name="{}", registry="localhost:5000/lab", python_version=(3, 12), platform=("linux/amd64",))'
PLAIN = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}

SCRIPT = """import sys, flyte
flyte.init(root_dir=__import__("pathlib").Path.cwd())
sys.path.insert(0, ".")
import m
print("URI", flyte.build(m.image, force=True).uri)
"""


def with_flyte(p, variables):
    keep = environment(ENGINE, FLYTE_DOCKER_BUILDKIT_BUILDER_NAME="default", UV_OFFLINE="1", **variables)
    keep["PATH"] = f"{UV}:{keep['PATH']}"
    done = subprocess.run([FLYTE / "bin/python", "-c", SCRIPT], cwd=p.folder, env=keep, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("URI "))


def ours(p, variables):
    arguments = ("--force", "--python", str(FLYTE / "bin/python"), "--root-dir", str(p.folder))
    result = build(ENGINE, p, "image", *arguments, variables={"UV_OFFLINE": "1", **variables})
    assert result.status == 0, (result.last, result.stderr)
    return result


def same(p, **variables):
    """The image of flyte, then ours, and what the engine did for ours."""
    variables = {**PLAIN, **variables}
    uri = with_flyte(p, variables)
    theirs = ENGINE.id(uri)
    ENGINE.docker("rmi", uri)
    result = ours(p, variables)
    assert result.last["uri"] == uri, (result.last, uri)
    assert ENGINE.id(uri) == theirs, (ENGINE.id(uri), theirs)
    states = {e["state"] for e in result.of("step") if e.get("number") and e["number"] > 1 and e["state"] != "running"}
    assert states == {"cached"}, [e for e in result.of("step") if e["state"] == "done"]
    assert not [e for e in result.of("warning") if "frontend" in e["message"]]
    return f"{theirs[:19]}"


def chain(name, text, **files):
    return Project(**{"m.py": f"{HEAD}image = (\n    {BASE.format(name)}\n    {text}\n)\n", **files})


def test_packages_commands_and_secrets():
    text = '.with_apt_packages("git", "curl").with_pip_packages("six>=1", "a b", secret_mounts="lab_token").with_commands(["echo hi", "echo $LAB_TOKEN"], secret_mounts="lab_token").with_env_vars({"A": "1"}).with_workdir("/srv")'
    return same(chain("packages", text.replace('"a b"', '"requests"')), LAB_TOKEN="hunter2")


def test_files_folders_and_ignore_files():
    files = {"src/a.py": "a\n", "src/b.log": "b\n", "src/deep/c.py": "c\n", "requirements.txt": "six\n", ".dockerignore": "*.log\n", "one.txt": "1\n", "Dockerfile": "FROM no\n"}
    user = '.with_commands(["useradd --create-home flyte"])'
    text = user + '.with_requirements("requirements.txt").with_source_folder(pathlib.Path("src"), "/app").with_source_file(pathlib.Path(__file__).parent / "one.txt", "/one").with_dockerignore(".dockerignore").with_source_folder(pathlib.Path("."), "/all")'
    p = chain("files", text, **files)
    os.chmod(p.folder / "src/a.py", 0o751)
    os.chmod(p.folder / "src/deep", 0o700)
    (p.folder / "src/alias.py").symlink_to("a.py")
    return same(p)


def test_the_process_s_umask():
    before = os.umask(0o002)
    try:
        user = '.with_commands(["useradd --create-home flyte"])'
        return same(chain("umask", user + '.with_source_folder(pathlib.Path("src"), "/app").with_source_folder(pathlib.Path("."), "/all")', **{"src/x/a.py": "a\n"}))
    finally:
        os.umask(before)


def test_a_dockerfile_of_the_user():
    text = "# syntax=docker/dockerfile:1.10\nFROM debian:stub AS first\nCOPY . /x\nRUN ls -laR /x\nFROM debian:stub\nCOPY --from=first /x /y\nCOPY link /z/\n"
    p = Project(**{"m.py": HEAD + 'image = flyte.Image.from_dockerfile("d/Dockerfile.own", registry="localhost:5000/lab", name="own")\n', "d/Dockerfile.own": text, "d/a/b.txt": "b", "d/skip/c": "c", "d/.dockerignore": "skip\n!skip/keep\n", "d/skip/keep": "k"})
    (p.folder / "d/link").symlink_to("a/b.txt")
    (p.folder / "d/empty").mkdir()
    return same(p)


PROJECT = '[project]\nname = "{}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = [{}]\n'


def lock(p, folder):
    subprocess.run([UV / "uv", "lock", "--offline", "--quiet"], cwd=p.folder / folder, check=True, env={**os.environ, "HOME": str(WORK)})


def test_a_uv_project_with_an_editable_member():
    sources = '\n[tool.uv.sources]\nmember = { path = "member", editable = true }\n'
    files = {"app/pyproject.toml": PROJECT.format("app", '"member"') + sources, "app/member/pyproject.toml": PROJECT.format("member", ""), "app/member/member/__init__.py": "", "app/app/__init__.py": ""}
    for mode in ("dependencies_only", "install_project"):
        p = chain(f"uv-{mode}", f'.with_uv_project("app/pyproject.toml", project_install_mode="{mode}")', **files)
        lock(p, "app")
        note = same(p)
    return note


def test_scripts():
    header = '# /// script\n# requires-python = ">=3.12"\n# dependencies = ["six"]\n# ///\n'
    p = Project(**{"m.py": HEAD + 'image = flyte.Image.from_uv_script("s.py", name="script", registry="localhost:5000/lab", python_version=(3, 12), platform=("linux/amd64",))\n', "s.py": header})
    same(p)
    header = '# /// script\n# requires-python = ">=3.12"\n# dependencies = ["six"]\n# [tool.pixi.dependencies]\n# zlib = "*"\n# ///\n'
    p = Project(**{"m.py": HEAD + 'image = flyte.Image.from_pixi_script("s.py", name="pixi", registry="localhost:5000/lab", platform=("linux/amd64",))\n', "s.py": header})
    return same(p)


def test_a_code_bundle_is_left_to_the_run():
    """flyte's own command builds the image without it, unless the code is baked in."""
    p = chain("bundle", '.with_commands(["true"]).with_code_bundle()', **{"x.py": "x = 1\n"})
    text = (p.folder / "m.py").read_text() + '\nenv = flyte.TaskEnvironment(name="e", image=image)\n'
    p.write("m.py", text)
    keep = environment(ENGINE, FLYTE_DOCKER_BUILDKIT_BUILDER_NAME="default", **PLAIN)
    done = subprocess.run([FLYTE / "bin/flyte", "build", "m.py", "env"], cwd=p.folder, env=keep, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    result = ours(p, PLAIN)
    assert result.last["uri"] in done.stdout + done.stderr, (result.last, done.stdout, done.stderr)
    states = {e["state"] for e in result.of("step") if e.get("number") and e["number"] > 1 and e["state"] != "running"}
    assert states == {"cached"}, states


def test_notes_of_how_it_was_built():
    p = chain("attested", '.with_commands(["true"])')

    def kinds(uri):
        raw = json.loads(ENGINE.docker("buildx", "imagetools", "inspect", "--raw", uri).stdout)
        return sorted(m["annotations"].get("vnd.docker.reference.type", "") if "annotations" in m else "" for m in raw["manifests"])

    theirs = kinds(with_flyte(p, {}))
    assert kinds(ours(p, {}).last["uri"]) == theirs and theirs == ["", "attestation-manifest"], theirs


def test_the_configured_registry():
    text = HEAD + 'image = flyte.Image.from_base("debian:stub").clone(name="later", extendable=True).with_commands(["true"])\n'
    return same(Project(**{"m.py": text}), FLYTE_IMAGE_REGISTRY="localhost:5000/configured")


main(globals())
