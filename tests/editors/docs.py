"""The pages about editors say what there is: every command on them exists and every one that exists is on them, and their
configurations are those in `editors/`, which the smoke tests use."""

import json
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
EDITORS = ROOT / "editors"


def page(name):
    return (ROOT / "docs/editors" / f"{name}.md").read_text()


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)


def same(name, found, expected):
    assert found == expected, f"docs/editors/{name}.md: {found} is not {expected}"


def without_comments(text):
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("//", "#")))


manifest = json.loads((EDITORS / "vscode/package.json").read_text())
commands = {f"{c['category']}: {c['title']}" for c in manifest["contributes"]["commands"]}
same("vscode", set(re.findall(r"^\| (Image LSP: .*?) \|", page("vscode"), re.MULTILINE)), commands)
targets = set(re.findall(r'^  "?([a-z0-9]+-[a-z0-9]+)"?: "[\w-]+",$', (EDITORS / "vscode/scripts/package.mjs").read_text(), re.MULTILINE))
assert len(targets) == 6 and all(f"`{target}`" in page("vscode") for target in targets), targets

words = set(re.findall(r"^  (\w+) = \{ run = ", (EDITORS / "neovim/lua/image_lsp/init.lua").read_text(), re.MULTILINE))
same("neovim", set(re.findall(r"^\| `:ImageLsp (\w+)` \|", page("neovim"), re.MULTILINE)), words)

functions = set(re.findall(r"^;;;###autoload\n\(defun ([\w-]+)", (EDITORS / "emacs/image-lsp.el").read_text(), re.MULTILINE))
same("emacs", set(re.findall(r"^\| `M-x ([\w-]+)` \|", page("emacs"), re.MULTILINE)), functions)

same("helix", tomllib.loads(blocks("helix", "toml")[0]), tomllib.loads((EDITORS / "helix/languages.toml").read_text()))
sublime = without_comments((EDITORS / "sublime/LSP-image-lsp.sublime-settings").read_text())
same("sublime", json.loads(blocks("sublime", "json")[0]), json.loads(sublime))
same("kate", json.loads(blocks("kate", "json")[0]), json.loads((EDITORS / "kate/lspclient.json").read_text()))
server = tomllib.loads((EDITORS / "zed/extension.toml").read_text())["language_servers"]
same("zed", set(json.loads(blocks("zed", "json")[0])["lsp"]), set(server))

# Neovim finds its queries in the plugin.
queries = "python/injections.scm"
copy = (EDITORS / "neovim/nvim-0.12/queries" / queries).read_text()
assert copy == (ROOT / "grammars/tree-sitter/neovim" / queries).read_text(), "the plugin's queries are not those of grammars/"
print("  ok   commands and configurations are those that there are")
