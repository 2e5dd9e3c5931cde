"""The language server beside `ruff server`, driven the same way over stdio: start, edits, hovers, memory, exit.

Edits are what somebody types: a link of a chain and a line of a function, character by character, so that half of the
states in between do not parse. Usage: server.py IMAGE_LSP RUFF
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

EDITS = 200

CHAIN = """image{n} = (
    flyte.Image.from_debian_base(name="train-{n}", python_version=(3, 12))
    .with_apt_packages("git", "curl")
    .with_pip_packages("httpx", "pandas>=2", "torch")
    .with_env_vars({{"A": "b", "C": "d"}})
    .with_commands(["echo a", "mkdir -p /opt/x && ls"])
)
env{n} = flyte.TaskEnvironment(name="env-{n}", image=image{n})
"""

TASK = '''

@env{e}.task
def task{n}(count: int, names: list[str]) -> dict[str, int]:
    """Counts something, and says so."""
    total: dict[str, int] = {{}}
    for name in names:
        if name.startswith("x{n}"):
            total[name] = total.get(name, 0) + count * {n}
        else:
            print(f"left out: {{name!r}} of {{len(names)}}")
    return {{key: value for key, value in sorted(total.items()) if value > {n}}}
'''


def module(size: int) -> str:
    """A module of about so many bytes: images, and tasks that use them."""
    images = 4 if size < 10_000 else 20
    text = "import flyte\n\n" + "".join(CHAIN.format(n=n) for n in range(images))
    number = 0
    while len(text) < size:
        text += TASK.format(n=number, e=number % images)
        number += 1
    return text


class Server:
    def __init__(self, command: list[str], folder: pathlib.Path):
        start = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self.number = 0
        self.request("initialize", {
            "processId": None,
            "rootUri": folder.as_uri(),
            "workspaceFolders": [{"uri": folder.as_uri(), "name": "w"}],
            "capabilities": {"general": {"positionEncodings": ["utf-8"]}},
        })
        self.start = time.perf_counter() - start
        self.send("initialized", {})

    def write(self, message: dict) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def send(self, method: str, params) -> None:
        self.write({"method": method, "params": params})

    def read(self) -> dict:
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(self.process.stdout.read(length))
        if "id" in message and "method" in message:
            self.write({"id": message["id"], "result": None})
        return message

    def request(self, method: str, params) -> dict:
        self.number += 1
        self.write({"id": self.number, "method": method, "params": params})
        while (message := self.read()).get("id") != self.number or "method" in message:
            pass
        return message

    def diagnostics(self, uri: str, version: int) -> None:
        while True:
            params = self.read().get("params") or {}
            if params.get("uri") == uri and params.get("version") == version:
                return

    def open(self, path: pathlib.Path, text: str) -> str:
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "python", "version": 0, "text": text}
        self.send("textDocument/didOpen", {"textDocument": document})
        self.diagnostics(uri, 0)
        return uri

    def type(self, uri: str, version: int, line: int, column: int, text: str) -> float:
        place = {"line": line, "character": column}
        change = {"range": {"start": place, "end": place}, "text": text}
        start = time.perf_counter()
        self.send("textDocument/didChange", {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [change],
        })
        self.diagnostics(uri, version)
        return time.perf_counter() - start

    def resident(self) -> float:
        """MiB that are its own or shared, as the system counts them."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def end(self) -> float:
        self.request("shutdown", None)
        start = time.perf_counter()
        self.send("exit", None)
        self.process.wait()
        return time.perf_counter() - start


def typed(text: str) -> list[tuple[int, int, str]]:
    """Where each character goes: a link into a chain, a line into a task, until there are enough."""
    lines = text.split("\n")
    chain = next(i for i, line in enumerate(lines) if ".with_commands" in line)
    body = [i for i, line in enumerate(lines) if "for name in names:" in line]
    body = body[len(body) // 2]
    link = '    .with_env_vars({"KEY": "value"})'
    statement = '    total["new"] = sum(len(n) for n in names if n)'
    edits = [(body, 0, "\n")]
    edits += [(body, column, sign) for column, sign in enumerate(statement)]
    edits += [(chain, 0, "\n")]
    edits += [(chain, column, sign) for column, sign in enumerate(link)]
    more = 0
    while len(edits) < EDITS:
        edits.append((chain + 1, len('    .with_commands(["echo'), chr(97 + more % 26)))
        more += 1
    return edits[:EDITS]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def measure(name: str, command: list[str], hovers: bool) -> dict[str, float]:
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        for size, shown in ((4_000, "4 kB"), (120_000, "120 kB")):
            text = module(size)
            (folder / "app.py").write_text(text)
            server = Server(command, folder)
            figures.setdefault("start", []).append(server.start)
            uri = server.open(folder / "app.py", text)
            taken = [server.type(uri, n + 1, *edit) for n, edit in enumerate(typed(text))]
            figures[f"edit to diagnostics, {shown}"] = taken
            if hovers:
                place = {"textDocument": {"uri": uri}, "position": {"line": 2, "character": 2}}
                times = []
                for _ in range(EDITS):
                    start = time.perf_counter()
                    answer = server.request("textDocument/hover", place)
                    times.append(time.perf_counter() - start)
                assert "train-0" in answer["result"]["contents"]["value"]
                figures[f"hover, {shown}"] = times
            figures.setdefault("exit", []).append(server.end())
        text = module(4_000)
        server = Server(command, folder)
        for number in range(10):
            path = folder / f"m{number}.py"
            path.write_text(text)
            server.open(path, text)
        resident = server.resident()
        server.end()
        for _ in range(18):
            server = Server(command, folder)
            figures["start"].append(server.start)
            figures["exit"].append(server.end())
    for what, values in figures.items():
        print(f"{name:<12}{what:<32}{percentile(values, 0.5):9.2f} ms p50 {percentile(values, 0.95):9.2f} ms p95")
    print(f"{name:<12}{'resident, ten files of 4 kB':<32}{resident:9.1f} MiB")
    return {}


if __name__ == "__main__":
    program, ruff = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:])
    measure("image-lsp", [program, "--stdio"], hovers=True)
    measure("ruff", [ruff, "server"], hovers=False)
