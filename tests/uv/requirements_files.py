"""Requirements files as uv and image-lsp read them: what uv cannot parse is IMG602, what names a local file is IMG601, what
has no solution in itself is IMG603; what uv takes is none of them. Given as a project's pyproject.toml, what is no TOML is
IMG102.

Usage: requirements_files.py UV PROGRAM PYTHON, where PYTHON is an interpreter for uv to install for.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

UV, PROGRAM, PYTHON = (str(pathlib.Path(path).absolute()) for path in sys.argv[1:])
HASH = "sha256:" + "0" * 64

# Files that uv takes, or at least parses.
TAKEN = [
    "idna", "idna # c", "# c", "", "\n\n", "idna  ", "\tidna", "idna\r\nsix", "idna\rsix", "\ufeffidna",
    f"idna==3.6 \\\n    --hash={HASH}", f"idna==3.6 --hash={HASH}", f"idna==3.6 --hash {HASH} # c",
    f"idna==3.6 \\\n    --hash={HASH} \\\n    --hash={HASH}\nsix", f"idna==3.6; python_version > '3' --hash={HASH}",
    "-i https://example.org/simple", "--index-url=https://example.org/simple", "--extra-index-url https://example.org/simple # c",
    "--find-links=https://example.org/x", "--no-index", "--only-binary :all:", "--no-binary=:all:", "--only-binary six",
    "--require-hashes", "--trusted-host x", "--trusted-host=x", "--pre", "--prefer-binary", "--use-feature=fast-deps",
    "idna===3.6", "idna\nidna", "idna>=1,<4", "idna(>=1)", "idna (>=1)", "idna~=3.0", "idna==3.*", "idna[a]", "idna[a,b]>=1",
    "idna; python_version<'3'", "idna ; extra == 'x'", "idna>=2;platform_system=='Linux' # c", "# c \\\nidna",
    "x @ https://example.org/x-1.0-py3-none-any.whl", "https://example.org/x-1.0-py3-none-any.whl", "https://example.org/x.tar.gz",
    "git+https://example.org/x", "x @ git+https://example.org/x@main#subdirectory=y", "idna>=3 ; python_version >= '3.8' and os_name == 'posix'",
    "idna\x0c", "IDNA", "idna!=3.5", "idna>3,!=3.5", "idna>=2, ", "idna ;python_version>'3'",
]

# Files that it cannot parse.
REFUSED = [
    "idna#x", "idna \\\n  ==3.6", "-rx.txt", "--no-build-isolation", "--foo", "-x", "--config-settings x=y", "-U", "--upgrade",
    "idna --config-settings x=y", "idna --global-option=x", "idna --pre", "six --no-binary :all:", "idna ==", "idna==", "x y",
    "idna=3.6", "idna>=1.*", "idna>1.0.*", "$IDNA", "~/x", "idna[", "idna[a,]", "idna[a b]", "-", "--", "idna,six", '"idna"',
    "'idna'", "idna>=1 <2", "idna>=1;", "idna @", "@ https://example.org", "idna!", "idna~=1", "idna>1.0+local", "idna<=",
    "--index-url", "-r", "\u00e9", "hg+https://example.org/x", "x @ hg+https://example.org/x", "svn+ssh://example.org/x",
    "-e git+https://example.org/x#egg=y", "idna>=2 ; platform_system=='Linux'#c", "https://example.org/x", "--only-binary=idna,six",
    "idna ; python == '3'", "idna==bad==", "idna==3.6 --hash=sha256:0", "idna,", "==3", "idna>>3", "idna => 3", "idna; 'a'", "idna; python_version",
    "--no-deps", "--no-cache-dir", "idna == 3.6 six", "[idna]", "(idna)", "idna @ ", "idna; (os_name == 'x'",
]

# Files that name what is not in the build.
UNMOUNTED = [
    "-r base.txt", "-r base.txt # c", "--requirement=base.txt", "-c base.txt", "--constraint base.txt", "-e ./p", "-e .",
    "--editable ./p", "./p", "../p", "/nowhere/p", "p @ ./p", "p @ file:./p", "p @ file:///nowhere/p", "file:./p",
    "./x-1.0-py3-none-any.whl", "x-1.0-py3-none-any.whl", ".", "./p[a]", "./p ; python_version>'3'", "file:///nowhere/p",
    '-r "base file.txt"', "-f ./d",
]

# Files without a solution.
CLASHING = ["idna==1.0\nidna==2.0", "idna<3\nidna>=3", "IDNA==3.6\nidna!=3.6", "idna>=3,<2\nidna"]

MODULE = """import flyte
from pathlib import Path

image = flyte.Image.from_debian_base(name="x", python_version=(3, 12)).with_requirements(Path(__file__).parent / "requirements.txt")
"""


PROJECT = MODULE.replace("with_requirements", "with_uv_project")


def of_uv(folder):
    """How uv ends, without a network: 0 and 1 for what it can parse, 2 for what it cannot; and its words."""
    command = [UV, "pip", "install", "--dry-run", "--no-deps", "--offline", "--python", PYTHON, "-r", "requirements.txt"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stderr


def of_us(folder, module="m.py", codes=("IMG601", "IMG602", "IMG603")):
    arguments = ["check", module, "--output-format", "json", "--flyte-version", "2.12.1"]
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    return {f["code"] for f in json.loads(done.stdout)} & set(codes)


def check(folder, texts, expected, agrees):
    wrong = []
    for text in texts:
        (folder / "requirements.txt").write_bytes(text.encode())
        code, said = of_uv(folder)
        if not agrees(code, said):
            wrong.append(f"{text!r}: uv ends with {code}: {said.strip()[:200]}")
        found = of_us(folder)
        if found != expected:
            wrong.append(f"{text!r}: found {sorted(found)}, not {sorted(expected)}")
    return wrong


def check_as_project(folder, texts):
    """What is mounted as pyproject.toml where the image is built."""
    (folder / "mounted").mkdir()
    wrong, refused = [], 0
    for text in texts:
        for path in (folder / "requirements.txt", folder / "mounted/pyproject.toml"):
            path.write_bytes(text.encode())
        command = [UV, "sync", "--dry-run", "--offline", "--python", PYTHON, "--inexact", "--no-install-project"]
        said = subprocess.run(command, cwd=folder / "mounted", capture_output=True, text=True).stderr
        expected = {"IMG102"} if "error: Failed to parse" in said else set()
        refused += bool(expected)
        found = of_us(folder, "p.py", ["IMG102", "IMG602"])
        if found != expected:
            wrong.append(f"{text!r} as a project: found {sorted(found)}, uv says {said.strip()[:200]}")
    return wrong, refused


with tempfile.TemporaryDirectory() as work:
    folder = pathlib.Path(work)
    (folder / "m.py").write_text(MODULE)
    (folder / "p.py").write_text(PROJECT)
    missing = ("No such file", "not found", "does not appear", "neither", "relative URL", "Failed to read")
    wrong = check(folder, TAKEN, set(), lambda code, said: code < 2)
    wrong += check(folder, REFUSED, {"IMG602"}, lambda code, said: code == 2 and "No such file" not in said)
    wrong += check(folder, UNMOUNTED, {"IMG601"}, lambda code, said: code > 0 and any(m in said for m in missing))
    wrong += check(folder, CLASHING, {"IMG603"}, lambda code, said: code == 1 and ("unsatisfiable" in said or "incompatible" in said))
    projects = [*TAKEN[:20], *REFUSED[-20:], "a = 1", "[idna]\na = 'b'", "[project]\nname = 'x'\nversion = '1'", "a.b = [1,]", "a = {b = 1,}"]
    wrong_projects, refused = check_as_project(folder, projects)
    wrong += wrong_projects
    counts = [len(TAKEN), len(REFUSED), len(UNMOUNTED), len(CLASHING)]
    print(f"{sum(counts)} requirements files (taken, refused, unmounted, clashing: {counts}), {len(wrong)} wrong")
    print(f"{len(projects)} of them and others as pyproject.toml, {refused} refused, {len(wrong_projects)} wrong")
    if wrong:
        sys.exit("\n".join(wrong))
