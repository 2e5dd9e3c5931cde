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
    ("marker-same", lambda s: s.replace("sys_platform == 'win32'", "'win32' == sys_platform")),
    ("marker-platform", lambda s: s.replace("sys_platform == 'win32'", "platform_system == 'Windows'")),
    ("marker-or", lambda s: s.replace("sys_platform == 'win32'", "sys_platform == 'win32' or os_name == 'nt'")),
    ("marker-python", lambda s: s.replace("'idna>=3,<4'", "x").replace('"six"', "\"six; python_version >= '3.11'\"")),
    ("marker-extra", lambda s: s.replace('["tabulate"]', "[\"tabulate; sys_platform == 'linux'\"]")),
    ("build", lambda s: s + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'),
    ("not-package", lambda s: s + "[tool.uv]\npackage = false\n"),
    ("package", lambda s: s + "[tool.uv]\npackage = true\n"),
    ("resolution", lambda s: s + '[tool.uv]\nresolution = "lowest"\n'),
    ("prerelease", lambda s: s + '[tool.uv]\nprerelease = "allow"\n'),
    ("newer", lambda s: s + '[tool.uv]\nexclude-newer = "2026-01-01T00:00:00Z"\n'),
    ("environments", lambda s: s + "[tool.uv]\nenvironments = [\"sys_platform == 'linux'\"]\n"),
    ("uv-other", lambda s: s + '[tool.uv]\nlink-mode = "copy"\n'),
    ("other-tool", lambda s: s + "[tool.ruff]\nline-length = 100\n"),
    ("scripts", lambda s: s + '[project.scripts]\nx = "x:y"\n'),
    ("conflicts", lambda s: s + '[tool.uv]\nconflicts = [[{extra = "cli"}, {group = "dev"}]]\n'),
    ("source-index", lambda s: s + '[tool.uv.sources]\nsix = { index = "x" }\n[[tool.uv.index]]\nname = "x"\nurl = "https://example.org/simple"\n'),
    ("source-path", lambda s: s + '[tool.uv.sources]\nsix = { path = "six" }\n'),
    ("source-unused", lambda s: s + '[tool.uv.sources]\nattrs = { path = "attrs" }\n'),
    ("exact", lambda s: s.replace('"packaging>=20"', '"packaging===24.0"')),
    ("local", lambda s: s.replace('"packaging>=20"', '"packaging>=20.0.0"')),
    ("compatible", lambda s: s.replace('"packaging>=20"', '"packaging~=20.0"')),
    ("group-case", lambda s: s.replace("dev = [", "Dev = [")),
]

# A project that uses more of uv, and changes of it.
SECOND = """[project]
name = "second"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["six; platform_system == 'Linux'", "idna"]
[dependency-groups]
dev = ["iniconfig", {include-group = "test"}]
test = ["attrs"]
[tool.uv]
constraint-dependencies = ["idna<4"]
override-dependencies = ["attrs>=20"]
prerelease = "allow"
exclude-newer = "2026-01-01T00:00:00Z"
environments = ["sys_platform == 'linux'"]
"""

SECOND_EDITS = [
    ("same", lambda s: s),
    ("constraint", lambda s: s.replace("idna<4", "idna<5")),
    ("constraint-order", lambda s: s.replace('"idna<4"', '"idna <4"')),
    ("constraint-gone", lambda s: s.replace('constraint-dependencies = ["idna<4"]\n', "")),
    ("override", lambda s: s.replace("attrs>=20", "attrs>=21")),
    ("prerelease", lambda s: s.replace('"allow"', '"disallow"')),
    ("newer", lambda s: s.replace("2026-01-01T", "2026-01-02T")),
    ("much-newer", lambda s: s.replace("2026-01-01T", "2026-09-02T")),
    ("older", lambda s: s.replace("2026-01-01T", "2025-12-31T")),
    ("much-older", lambda s: s.replace("2026-01-01T", "2020-12-31T")),
    ("day", lambda s: s.replace("2026-01-01T00:00:00Z", "2026-01-01")),
    ("no-newer", lambda s: s.replace('exclude-newer = "2026-01-01T00:00:00Z"\n', "")),
    ("environments", lambda s: s.replace("environments = [\"sys_platform == 'linux'\"]\n", "")),
    ("included", lambda s: s.replace('["attrs"]', '["attrs", "tomli"]')),
    ("not-included", lambda s: s.replace(', {include-group = "test"}', "")),
    ("marker", lambda s: s.replace("platform_system == 'Linux'", "sys_platform == 'linux'")),
    ("marker-other", lambda s: s.replace("platform_system == 'Linux'", "sys_platform == 'win32'")),
    ("comment", lambda s: s + "# more\n"),
]

# What is left to uv, with the reason.
LEFT_TO_UV = {"no-newer": "what the project does not set may be set for the user"}

MODULE = """import flyte
from pathlib import Path

image = flyte.Image.from_debian_base(name="x", python_version=(3, 12)).with_uv_project(Path(__file__).parent / "pyproject.toml")
"""


def run(*command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def compare(work, which, text, edits):
    """Which changes are judged wrong, and how many uv calls stale."""
    base = pathlib.Path(work, which)
    base.mkdir()
    (base / "pyproject.toml").write_text(text)
    (base / "m.py").write_text(MODULE)
    locked = run(UV, "lock", folder=base)
    assert locked.returncode == 0, locked.stderr
    wrong, stale_count = [], 0
    for name, edit in edits:
        folder = pathlib.Path(work, f"{which}-{name}")
        shutil.copytree(base, folder)
        changed = edit(text)
        (folder / "pyproject.toml").write_text(changed)
        stale = run(UV, "lock", "--check", "--offline", folder=folder).returncode != 0
        stale_count += stale
        arguments = ("check", "m.py", "--output-format", "json", "--select", "IMG106", "--flyte-version", "2.12.1")
        found = json.loads(run(PROGRAM, *arguments, folder=folder).stdout)
        if found and not stale:
            wrong.append(f"{which} {name}: false alarm: {found[0]['message']}")
        if stale and not found and name not in LEFT_TO_UV:
            wrong.append(f"{which} {name}: missed")
        if found and not found[0]["path"].endswith("pyproject.toml"):
            wrong.append(f"{which} {name}: told in {found[0]['path']}")
        if name != "same" and changed == text:
            wrong.append(f"{which} {name}: changes nothing")
    return wrong, stale_count


with tempfile.TemporaryDirectory() as work:
    first, second = compare(work, "first", BASE, EDITS), compare(work, "second", SECOND, SECOND_EDITS)
    wrong, stale_count = first[0] + second[0], first[1] + second[1]
    print(
        f"{len(EDITS) + len(SECOND_EDITS)} changes of two projects, {stale_count} make their lock stale, "
        f"{len(LEFT_TO_UV)} left to uv, {len(wrong)} wrong"
    )
    if wrong or stale_count < 40:
        sys.exit("\n".join(wrong))
