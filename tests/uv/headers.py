"""Headers of scripts as uv, flyte and image-lsp read them.

What uv refuses is IMG501, IMG502 or IMG507. What uv takes and flyte refuses or reads otherwise is IMG503, and so is what
only flyte sees. What both read alike is none of them.

Usage: headers.py UV PROGRAM PYTHON, where PYTHON has flyte.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

UV, PROGRAM, PYTHON = (str(pathlib.Path(path).absolute()) for path in sys.argv[1:])

GOOD = '# /// script\n# dependencies = ["idna"]\n# ///\n'
MANY = '# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "idna",  # why\n#   \'six>=1\',\n# ]\n# ///\n'

HEADERS = [
    ("plain", GOOD),
    ("several lines", MANY),
    ("windows", GOOD.replace("\n", "\r\n")),
    ("after shebang", "#!/usr/bin/env python\n" + GOOD),
    ("in the middle", "x = 1\n\n" + GOOD + "y = 2\n"),
    ("no line end", GOOD.rstrip()),
    ("empty", "# /// script\n# ///\n"),
    ("empty lines", "# /// script\n#\n# dependencies = []\n#\n# ///\n"),
    ("other block before", "# /// other\n# a = 1\n# ///\n\n" + GOOD),
    ("comment after it", GOOD + "# more\n"),
    ("requires-python", GOOD.replace("# dep", '# requires-python = ">=3.10"\n# dep')),
    ("unknown key", GOOD.replace("# dep", "# other = 1\n# dep")),
    ("tool.uv", GOOD.replace("# ///\n", '# [tool.uv]\n# exclude-newer = "2026-01-01T00:00:00Z"\n# ///\n', 2)[: -len("# ///\n")] + "# ///\n"),
    ("in a docstring", '"""\n' + GOOD + '"""\n'),
    ("none", "print(1)\n"),
    ("nothing", ""),
    ("trailing space", GOOD.replace("# /// script", "# /// script ")),
    ("indented", "def f():\n    " + GOOD.replace("\n#", "\n    #")),
    ("in an indented docstring", 'def f():\n    """\n    ' + GOOD.replace("\n#", "\n    #") + '    """\n'),
    ("other word", GOOD.replace("script", "scripts")),
    ("byte order mark", "\ufeff" + GOOD),
    ("unclosed", "# /// script\n# dependencies = []\n\nprint(1)\n"),
    ("empty line inside", "# /// script\n\n# dependencies = []\n# ///\n"),
    ("no space", GOOD.replace("# dep", "#dep")),
    ("tab", GOOD.replace("# dep", "#\tdep")),
    ("trailing closer", GOOD[:-1] + " \n"),
    ("two", GOOD + "\nx = 1\n\n" + GOOD),
    ("two adjacent", GOOD + GOOD),
    ("second unclosed", GOOD + "\nx = 1\n\n# /// script\n# dependencies = []\n"),
    ("first unclosed", "# /// script\nx = 1\n\n" + GOOD),
    ("closer inside a string", "# /// script\n# dependencies = []\n# x = '''\n# ///\n# '''\n# ///\n"),
    ("comment", GOOD.replace("# dep", "# # why\n# dep")),
    ("comment in the list", MANY.replace("#   'six", "#   # why\n#   'six")),
    ("comment at the end", GOOD.replace("]\n", "]\n# # why\n")),
    ("string for the list", GOOD.replace('["idna"]', '"idna"')),
    ("number in the list", GOOD.replace('["idna"]', '["idna", 1]')),
    ("numbers", GOOD.replace('["idna"]', "[1, 2]")),
    ("tool is a string", GOOD.replace("# dep", '# tool = "x"\n# dep')),
    ("tool.uv is a string", GOOD.replace("]\n", ']\n# [tool]\n# uv = "x"\n')),
    ("twice the key", GOOD.replace("# dep", "# dependencies = []\n# dep")),
    ("bare version", GOOD.replace("# dep", '# requires-python = "3.11"\n# dep')),
    ("caret", GOOD.replace("# dep", '# requires-python = "^3.11"\n# dep')),
    ("number for a version", GOOD.replace("# dep", "# requires-python = 3.11\n# dep")),
    ("unclosed list", GOOD.replace('"idna"]', '"idna"')),
    ("unclosed string", GOOD.replace('"idna"]', '"idna]')),
    ("two in one", GOOD.replace("idna", "idna six")),
    ("one equals sign", GOOD.replace("idna", "idna=3")),
    ("wildcard", GOOD.replace("idna", "idna>=3.*")),
    ("no version", GOOD.replace("idna", "idna>=")),
    ("empty requirement", GOOD.replace("idna", "")),
    ("spaces around", GOOD.replace("idna", " idna ")),
    ("marker", GOOD.replace("idna", "idna; python_version >= '3.8'")),
    ("bad marker", GOOD.replace("idna", "idna; python >= '3.8'")),
    ("extras", GOOD.replace("idna", "idna[all] >=3, <4")),
    ("a path", GOOD.replace("idna", "./a")),
    ("a relative file", GOOD.replace("idna", "a @ file:./a")),
    ("a repository without a name", GOOD.replace("idna", "git+https://example.org/x")),
    ("editable", GOOD.replace("idna", "-e ./a")),
    ("hash in a string", GOOD.replace("idna", "idna#x")),
    ("escaped", GOOD.replace('"idna"', '"\\u0069dna"')),
    ("single quotes", GOOD.replace('"idna"', "'idna'")),
    ("inline table", GOOD.replace("# dep", "# tool = {uv = {}}\n# dep")),
    ("dotted key", GOOD.replace("]\n", "]\n# tool.uv.link-mode = \"copy\"\n")),
    ("multi-line string", GOOD.replace('"idna"', '"""idna"""')),
    ("spaces before", GOOD.replace("# dep", "#   dep")),
    ("hash as value", GOOD.replace("# dep", '# note = "a # b"\n# dep')),
    ("signs that belong to it", GOOD.replace("# dep", '# note = """\n# # a\n# """\n# dep')),
]

MODULE = """import flyte
from pathlib import Path

image = flyte.Image.from_uv_script(Path(__file__).parent / "s.py", name="x", python_version=(3, 12))
"""

READ = """
import json, pathlib, sys
from flyte._utils.uv_script_parser import parse_uv_script_file
for line in sys.stdin:
    try:
        found = parse_uv_script_file(pathlib.Path(line.strip()))
        print(json.dumps({"dependencies": list(found.dependencies), "python": found.requires_python}), flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
"""


def of_uv(script):
    """What uv makes of a script: `taken`, `refused` or `unseen`; and its words."""
    done = subprocess.run([UV, "export", "--script", script, "--no-header", "--quiet"], capture_output=True, text=True)
    assert not any(word in done.stderr for word in ("dns error", "Failed to fetch", "error sending request")), done.stderr
    if done.returncode != 2:
        return "taken", done.stderr
    return ("unseen" if "does not contain a PEP 723" in done.stderr else "refused"), done.stderr


def of_us(folder):
    arguments = ["check", "m.py", "--output-format", "json", "--flyte-version", "2.12.1"]
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    return {f["code"]: f["severity"] for f in json.loads(done.stdout)}


def verdict(uv, flyte, header, found):
    """What is wrong with our findings, or None."""
    speaks = {code for code in found if code in ("IMG501", "IMG502", "IMG503", "IMG507")}
    if uv == "refused":
        return None if speaks & {"IMG502", "IMG507"} else "uv refuses it"
    if uv == "unseen":
        if "error" in flyte:
            return None if speaks == {"IMG501"} or found.get("IMG503") == "error" else "unseen by uv, refused by flyte"
        return None if found.get("IMG503") == "warning" else "unseen by uv, read by flyte"
    if "error" in flyte:
        return None if found.get("IMG503") == "error" else f"flyte refuses it: {flyte['error']}"
    differs = flyte["dependencies"] != header
    if differs:
        return None if found.get("IMG503") == "warning" else f"flyte reads {flyte['dependencies']}, uv {header}"
    return "a false alarm" if speaks else None


def dependencies(text):
    """The dependencies as PEP 723's own reference implementation reads them."""
    import re
    import tomllib

    regex = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
    text = text.removeprefix("\ufeff").replace("\r\n", "\n") + "\n"
    for match in re.finditer(regex, text):
        if match["type"] == "script":
            lines = match["content"].splitlines()
            content = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
            return tomllib.loads(content).get("dependencies", [])
    return []


with tempfile.TemporaryDirectory() as work:
    folder = pathlib.Path(work)
    (folder / "m.py").write_text(MODULE)
    reader = subprocess.Popen([PYTHON, "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    counts, wrong = {}, []
    for number, (name, text) in enumerate(HEADERS):
        # flyte remembers a script by its path.
        script = folder / f"s{number}.py"
        script.write_bytes(text.encode())
        (folder / "m.py").write_text(MODULE.replace("s.py", script.name))
        uv, said = of_uv(script)
        reader.stdin.write(f"{script}\n")
        reader.stdin.flush()
        flyte = json.loads(reader.stdout.readline())
        found = of_us(folder)
        header = dependencies(text) if uv == "taken" else []
        trouble = verdict(uv, flyte, header, found)
        kind = f"{uv} by uv, {'refused' if 'error' in flyte else 'read'} by flyte"
        counts[kind] = counts.get(kind, 0) + 1
        if trouble:
            wrong.append(f"{name}: {trouble}; found {found}; uv: {said.strip()[:200]}; flyte: {flyte}")
    reader.stdin.close()
    reader.wait()
    print(f"{len(HEADERS)} headers: {counts}, {len(wrong)} wrong")
    if wrong or len(counts) < 5:
        sys.exit("\n".join(wrong))
