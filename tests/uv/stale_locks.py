"""IMG106 beside `uv lock --check` on one project with a lock, changed in many ways: where the rule speaks, uv refuses the lock.

Where uv refuses and the rule is silent, the case is listed: what only uv can decide is left to it.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

# Both run in folders of their own, so the paths are made absolute here.
UV, PROGRAM = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:])

BASE = """[project]
name = "Train.Me"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["idna>=3,<4", "six", "colorama; sys_platform == 'win32'", "packaging>=20"]
[project.optional-dependencies]
cli = ["tabulate"]
[dependency-groups]
dev = ["iniconfig"]
"""

EDITS = [
    ("same", lambda s: s),
    ("space", lambda s: s.replace('"idna>=3,<4"', '"idna >= 3, < 4"')),
    ("order", lambda s: s.replace('"idna>=3,<4"', '"idna<4,>=3"')),
    ("case", lambda s: s.replace('"six"', '"SIX"')),
    ("drop", lambda s: s.replace('"six", ', "")),
    ("add", lambda s: s.replace('"six"', '"six", "attrs"')),
    ("spec", lambda s: s.replace("idna>=3,<4", "idna>=3")),
    ("spec2", lambda s: s.replace('"six"', '"six>=1.16"')),
    ("marker", lambda s: s.replace("sys_platform == 'win32'", "sys_platform == 'linux'")),
    ("marker-q", lambda s: s.replace("sys_platform == 'win32'", 'sys_platform == \\"win32\\"')),
    ("unmark", lambda s: s.replace("; sys_platform == 'win32'", "")),
    ("python", lambda s: s.replace(">=3.10", ">=3.11")),
    ("python-sp", lambda s: s.replace('">=3.10"', '">= 3.10"')),
    ("python-up", lambda s: s.replace('">=3.10"', '">=3.10,<3.14"')),
    ("version", lambda s: s.replace('version = "1.0"', 'version = "1.1"')),
    ("version0", lambda s: s.replace('version = "1.0"', 'version = "1.0.0"')),
    ("name", lambda s: s.replace("Train.Me", "other")),
    ("name-n", lambda s: s.replace("Train.Me", "train-me")),
    ("extra-drop", lambda s: s.replace('cli = ["tabulate"]', "cli = []")),
    ("extra-add", lambda s: s.replace('["tabulate"]', '["tabulate","attrs"]')),
    ("extra-new", lambda s: s.replace('cli = ["tabulate"]', 'cli = ["tabulate"]\nweb = ["attrs"]')),
    ("extra-name", lambda s: s.replace("cli = [", "cmd = [")),
    ("extra-spec", lambda s: s.replace('"tabulate"', '"tabulate>0.1"')),
    ("group-drop", lambda s: s.replace('dev = ["iniconfig"]', "dev = []")),
    ("group-gone", lambda s: s.replace('[dependency-groups]\ndev = ["iniconfig"]\n', "")),
    ("group-add", lambda s: s.replace('"iniconfig"', '"iniconfig","attrs"')),
    ("group-new", lambda s: s + 'test = ["attrs"]\n'),
    ("group-spec", lambda s: s.replace('"iniconfig"', '"iniconfig>=1"')),
    ("comment", lambda s: s + "# c\n"),
    ("desc", lambda s: s.replace('version = "1.0"', 'version = "1.0"\ndescription = "x"')),
    ("uvdev", lambda s: s + '[tool.uv]\ndev-dependencies = ["attrs"]\n'),
    ("constraint", lambda s: s + '[tool.uv]\nconstraint-dependencies = ["idna<3.5"]\n'),
    ("override", lambda s: s + '[tool.uv]\noverride-dependencies = ["idna==3.4"]\n'),
    ("index", lambda s: s + '[[tool.uv.index]]\nname="x"\nurl="https://example.org/simple"\n'),
    ("dup", lambda s: s.replace('"six"', '"six", "six"')),
    ("dup2", lambda s: s.replace('"six"', '"six", "six<2"')),
    ("star", lambda s: s.replace('"six"', '"six==1.*"')),
    ("extra-dep", lambda s: s.replace("packaging>=20", "packaging[foo]>=20")),
    ("url", lambda s: s.replace('"six"', '"six @ https://example.org/six-1.0-py3-none-any.whl"')),
    ("zero", lambda s: s.replace("idna>=3,<4", "idna>=3.0,<4")),
    ("nodeps", lambda s: s.replace('dependencies = ["idna', 'dependencies = []\nx = ["idna')),
    ("dynamic", lambda s: s.replace('version = "1.0"', 'dynamic = ["version"]')),
    ("sources", lambda s: s + '[tool.uv.sources]\nsix = { git = "https://example.org/six" }\n'),
    ("include", lambda s: s + 'all = [{include-group = "dev"}]\n'),
]

# Markers that mean something else, resolution settings, dynamic metadata and sources are uv's to judge.
LEFT_TO_UV = {"marker", "uvdev", "constraint", "override", "dynamic", "sources"}

MODULE = """import flyte
from pathlib import Path

image = flyte.Image.from_debian_base(name="x", python_version=(3, 12)).with_uv_project(Path(__file__).parent / "pyproject.toml")
"""


def run(*command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


with tempfile.TemporaryDirectory() as work:
    base = pathlib.Path(work, "base")
    base.mkdir()
    (base / "pyproject.toml").write_text(BASE)
    (base / "m.py").write_text(MODULE)
    locked = run(UV, "lock", folder=base)
    assert locked.returncode == 0, locked.stderr
    wrong, stale_count = [], 0
    for name, edit in EDITS:
        folder = pathlib.Path(work, name)
        shutil.copytree(base, folder)
        (folder / "pyproject.toml").write_text(edit(BASE))
        stale = run(UV, "lock", "--check", "--offline", folder=folder).returncode != 0
        stale_count += stale
        arguments = ("check", "m.py", "--output-format", "json", "--select", "IMG106", "--flyte-version", "2.12.1")
        found = json.loads(run(PROGRAM, *arguments, folder=folder).stdout)
        if bool(found) and not stale:
            wrong.append(f"{name}: false alarm: {found[0]['message']}")
        if stale and not found and name not in LEFT_TO_UV:
            wrong.append(f"{name}: missed")
    print(
        f"{len(EDITS)} changes of a project, {stale_count} make its lock stale, {len(LEFT_TO_UV)} left to uv, {len(wrong)} wrong"
    )
    if wrong or stale_count < 20:
        sys.exit("\n".join(wrong))
