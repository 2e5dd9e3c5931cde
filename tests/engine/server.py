"""`imageLsp.build` through the protocol, as editors call it."""

import json
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time

from lab import PROGRAM, WORK, Engine, Project, Registry, environment, main, prepare, running, sockets, wait_until

prepare()
ENGINE = Engine("main").start().load_bases()
REGISTRY = Registry("open", 5000)
BASE = 'flyte.Image.from_debian_base(name="{}", registry="localhost:5000/lab", python_version=(3, 12), platform=("linux/amd64",))'
ABLE = {"window": {"workDoneProgress": True}, "experimental": {"imageLsp": {"buildLog": True}}}


class Server:
    def __init__(self, project, capabilities=ABLE, engine=None, choice=None):
        self.project, self.choice = project, choice
        self.process = subprocess.Popen(
            [PROGRAM, "--stdio"], cwd=project.folder, env=environment(engine or ENGINE), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.messages, self.seen, self.next = queue.Queue(), [], 0
        threading.Thread(target=self.read, daemon=True).start()
        root = project.folder.as_uri()
        answer = self.ask("initialize", {"processId": None, "capabilities": capabilities, "workspaceFolders": [{"uri": root, "name": "w"}]})
        assert "imageLsp.build" in answer["result"]["capabilities"]["executeCommandProvider"]["commands"]
        self.notify("initialized", {})

    def read(self):
        stream = self.process.stdout
        while line := stream.readline():
            length = int(line.split(b":")[1])
            stream.readline()
            self.messages.put(json.loads(stream.read(length)))

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def start(self, method, params):
        self.next += 1
        self.send({"id": self.next, "method": method, "params": params})
        return self.next

    def until(self, wanted, seconds=60):
        """The next message that is wanted; questions are answered on the way."""
        for message in self.seen:
            if wanted(message):
                self.seen.remove(message)
                return message
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                message = self.messages.get(timeout=end - time.monotonic())
            except queue.Empty:
                break
            if "method" in message and "id" in message:
                answer = [None] if message["method"] == "workspace/configuration" else None
                if message["method"] == "window/showMessageRequest":
                    actions = message["params"]["actions"]
                    answer = actions[self.choice] if self.choice is not None else None
                self.send({"id": message["id"], "result": answer})
            if wanted(message):
                return message
            self.seen.append(message)
        raise AssertionError(f"nothing came: {self.seen[-5:]}")

    def answer(self, number, seconds=60):
        return self.until(lambda m: m.get("id") == number and "method" not in m, seconds)

    def ask(self, method, params):
        return self.answer(self.start(method, params))

    def open(self, text, version=1):
        self.uri = (self.project.folder / "m.py").as_uri()
        document = {"uri": self.uri, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, text, version):
        self.notify("textDocument/didChange", {"textDocument": {"uri": self.uri, "version": version}, "contentChanges": [{"text": text}]})

    def build(self, **argument):
        return self.start("workspace/executeCommand", {"command": "imageLsp.build", "arguments": [{"uri": self.uri, "name": "image", **argument}]})

    def diagnostics(self, wanted, uri=None):
        """Waits until a document's diagnostics are as wanted."""
        uri = uri or self.uri

        def holds(message):
            return message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri and wanted(message["params"]["diagnostics"])

        return self.until(holds)["params"]["diagnostics"]

    def progress(self, kind):
        return self.until(lambda m: m.get("method") == "$/progress" and m["params"]["value"]["kind"] == kind)["params"]

    def stop(self):
        self.ask("shutdown", None)
        self.notify("exit", None)
        assert self.process.wait(5) == 0


def text(chain, name="editor"):
    return f"import flyte\n\nimage = (\n    {BASE.format(name)}\n    {chain}\n)\n"


def opened(chain, name="editor", capabilities=ABLE, **files):
    server = Server(Project(**{"m.py": text(chain, name), **files}), capabilities)
    server.open(text(chain, name))
    return server


def of_builds(found):
    return [d for d in found if d.get("source") == "image build"]


def test_a_build_with_progress_and_log():
    server = opened('.with_apt_packages("git").with_commands(["echo done"])')
    lenses = server.ask("textDocument/codeLens", {"textDocument": {"uri": server.uri}})["result"]
    assert "imageLsp.build" in [lens["command"]["command"] for lens in lenses], lenses
    number = server.build()
    begin = server.progress("begin")
    assert begin["value"]["cancellable"] and begin["value"]["title"] == "Building image", begin
    result = server.answer(number)["result"]
    assert result["status"] == "built" and result["digest"].startswith("sha256:") and result["uri"].startswith("localhost:5000/lab/editor:"), result
    reports = [m["params"]["value"].get("message", "") for m in server.seen if m.get("method") == "$/progress"]
    assert any(r.startswith("step 4 of 5: with_apt_packages, m.py:5") for r in reports), reports
    logs = [m["params"] for m in server.seen if m.get("method") == "imageLsp/buildLog"]
    assert {"token": begin["token"], "stream": "stdout", "line": "done"} in logs, logs
    assert server.progress("end")["value"]["message"].startswith("built localhost:5000")
    assert server.answer(server.build())["result"]["status"] == "exists"
    assert server.answer(server.build(force=True, push=False))["result"]["status"] == "built"
    server.stop()
    plain = opened('.with_commands(["echo done"])', "plain", capabilities={})
    assert plain.answer(plain.build())["result"]["status"] == "built"
    assert any(m.get("method") == "window/logMessage" and m["params"]["message"] == "done" for m in plain.seen)
    plain.stop()


def test_a_failure_stays_until_the_layer_is_edited():
    chain = '.with_apt_packages("git", "nosuch-tool").with_commands(["true"])'
    server = opened(chain, "failing")
    answer = server.answer(server.build())
    assert "apt has no package nosuch-tool" in answer["error"]["message"] and "E: Unable to locate" in answer["error"]["message"], answer
    found = of_builds(server.diagnostics(of_builds))
    start, end = found[0]["range"]["start"], found[0]["range"]["end"]
    line = text(chain, "failing").splitlines()[start["line"]]
    assert line[start["character"] : end["character"]] == '"nosuch-tool"' and found[0]["severity"] == 1, found
    # An edit elsewhere moves it.
    server.change("# more\n" + text(chain, "failing"), 2)
    moved = of_builds(server.diagnostics(lambda ds: of_builds(ds) and of_builds(ds)[0]["range"]["start"]["line"] == start["line"] + 1))
    assert moved[0]["range"]["start"]["character"] == start["character"]
    server.change("# more\n" + text(chain.replace("nosuch-tool", "curl"), "failing"), 3)
    server.diagnostics(lambda ds: not of_builds(ds))
    assert server.answer(server.build())["result"]["status"] == "built"
    server.stop()
    # A step that another module asks for is marked there.
    base = text('.with_apt_packages("nosuch-tool")', "imported").replace("image =", "base =")
    own = "from base import base\n\nimage = base.with_commands(['true'])\n"
    server = Server(Project(**{"base.py": base, "m.py": own}))
    other = (server.project.folder / "base.py").as_uri()
    server.notify("textDocument/didOpen", {"textDocument": {"uri": other, "languageId": "python", "version": 1, "text": base}})
    server.open(own)
    assert "nosuch-tool" in server.answer(server.build())["error"]["message"]
    assert of_builds(server.diagnostics(of_builds, other))[0]["range"]["start"]["line"] == 4
    server.stop()
    # A good build takes it away without an edit.
    flaky = opened('.with_commands(["test -n \\"$LAB_FLAG\\""], secret_mounts="lab_flag")', "flaky")
    secret = pathlib.Path("/etc/secrets/lab_flag")
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("")
    assert "error" in flaky.answer(flaky.build())
    flaky.diagnostics(of_builds)
    secret.write_text("1")
    # The engine does not look at secrets when it looks into its cache; what failed is not in it.
    assert flaky.answer(flaky.build())["result"]["status"] == "built"
    flaky.diagnostics(lambda ds: not of_builds(ds))
    flaky.stop()
    secret.unlink()


def test_the_user_s_dockerfile_is_marked():
    project = Project(**{"m.py": 'import flyte\nimage = flyte.Image.from_dockerfile("d/Dockerfile", registry="localhost:5000/lab", name="own")\n', "d/Dockerfile": "FROM debian:stub\nRNU true\n"})
    server = Server(project)
    server.open((project.folder / "m.py").read_text())
    assert "unknown instruction: RNU" in server.answer(server.build())["error"]["message"]
    dockerfile = (project.folder / "d/Dockerfile").as_uri()
    found = server.diagnostics(lambda ds: ds, dockerfile)
    assert found[0]["range"]["start"] == {"line": 1, "character": 0} and found[0]["range"]["end"] == {"line": 1, "character": 8}, found
    assert of_builds(server.diagnostics(of_builds))[0]["range"]["start"]["line"] == 1
    project.write("d/Dockerfile", "FROM debian:stub\nRUN true\n")
    server.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": dockerfile, "type": 2}]})
    server.diagnostics(lambda ds: not ds, dockerfile)
    assert server.answer(server.build())["result"]["status"] == "built"
    server.stop()


def test_cancelling():
    server = opened('.with_commands(["sleep 88.25"])', "cancel")
    number = server.build()
    token = server.progress("begin")["token"]
    wait_until(lambda: running("sleep 88.25"))
    server.notify("window/workDoneProgress/cancel", {"token": token})
    assert server.answer(number, 5)["result"]["status"] == "cancelled"
    wait_until(lambda: not running("sleep 88.25"), 1.5)
    assert "cancelled" in server.progress("end")["value"]["message"]
    number = server.build()
    server.progress("begin")
    wait_until(lambda: running("sleep 88.25"))
    server.notify("$/cancelRequest", {"id": number})
    assert "error" in server.answer(number, 5)
    assert server.progress("end")["value"]["message"] == "cancelled"
    wait_until(lambda: not running("sleep 88.25"), 1.5)
    # With the server the build ends, however it ends.
    for end in (lambda: server.process.kill(), lambda: server.process.stdin.close()):
        server.build()
        wait_until(lambda: running("sleep 88.25"))
        end()
        wait_until(lambda: not running("sleep 88.25"), 3)
        server.process.wait(5)
        server = opened('.with_commands(["sleep 88.25"])', "cancel")
    server.stop()


def test_two_builds_of_one_image_are_one():
    server = opened('.with_commands(["sleep 1.75; echo once"])', "twice")
    first = server.build()
    wait_until(lambda: running("sleep 1.75"))
    second = server.build()
    results = [server.answer(n)["result"] for n in (first, second)]
    assert results[0] == results[1] and results[0]["status"] == "built", results
    lines = [m["params"]["line"] for m in server.seen if m.get("method") == "imageLsp/buildLog" and m["params"]["stream"] == "stdout"]
    assert lines.count("once") == 1, lines
    # The server goes on answering meanwhile.
    third = server.build(force=True)
    hover = server.ask("textDocument/hover", {"textDocument": {"uri": server.uri}, "position": {"line": 4, "character": 8}})
    assert hover["result"], hover
    server.answer(third)
    server.stop()


def test_no_socket_is_left_behind():
    server = opened('.with_commands(["echo x"])', "sockets")
    server.answer(server.build(push=False))
    before = sockets(server.process.pid), sockets(ENGINE.process.pid)
    # The engine keeps connections to registries; those are not ours.
    for _ in range(20):
        assert server.answer(server.build(force=True, push=False))["result"]["status"] == "built"
    counts = []

    def as_before():
        counts.append((sockets(server.process.pid), sockets(ENGINE.process.pid)))
        return counts[-1][0] <= before[0] and counts[-1][1] <= before[1]

    try:
        wait_until(as_before, 10)
    except AssertionError:
        raise AssertionError(f"{before} before, {counts[-1]} after") from None
    memory = int((pathlib.Path(f"/proc/{server.process.pid}/status").read_text().split("VmRSS:")[1]).split()[0]) >> 10
    server.stop()
    return f"{before[0]} in the server, {before[1]} in the engine, before and after 20 builds; {memory} MB resident"


def test_one_platform_is_offered_where_several_cannot_be():
    engine = Engine("graph", store="graph").start().load_bases()
    try:
        chain = text('.with_commands(["true"])', "platforms").replace('("linux/amd64",)', '("linux/amd64", "linux/arm64")')
        for choice in (None, 0):
            server = Server(Project(**{"m.py": chain}), engine=engine, choice=choice)
            server.open(chain)
            answer = server.answer(server.build())
            if choice is None:
                assert "builds one platform at a time" in answer["error"]["message"], answer
            else:
                assert answer["result"]["status"] == "built" and not [m for m in server.seen if "pushed" in str(m)], answer
            server.stop()
    finally:
        engine.stop()


def test_what_cannot_be_built_is_an_error():
    server = opened('.with_requirements("gone.txt")', "gone")
    assert "gone.txt" in server.answer(server.build())["error"]["message"]
    assert "there is no such image" in server.answer(server.build(name="nosuch"))["error"]["message"]
    # The remote builder would run the code.
    assert "not trusted" in server.answer(server.build(builder="remote"))["error"]["message"]
    info = server.ask("workspace/executeCommand", {"command": "imageLsp.debugInfo", "arguments": [{}]})["result"]
    assert f"engine: {ENGINE.host}" in info, info
    server.stop()


def test_unsaved_text_is_what_is_built():
    server = opened('.with_requirements("r.txt").with_commands(["true"])', "unsaved", **{"r.txt": "six\n"})
    changed = text('.with_requirements("r.txt").with_commands(["echo unsaved"])', "unsaved")
    server.change(changed, 2)
    requirements = (server.project.folder / "r.txt").as_uri()
    server.notify("textDocument/didOpen", {"textDocument": {"uri": requirements, "languageId": "pip-requirements", "version": 1, "text": "nosuch-project\n"}})
    assert "uv finds no project nosuch-project" in server.answer(server.build())["error"]["message"]
    related = of_builds(server.diagnostics(of_builds))[0]["relatedInformation"]
    assert related[0]["location"]["uri"] == requirements and related[0]["location"]["range"]["end"]["character"] == 14, related
    server.notify("textDocument/didChange", {"textDocument": {"uri": requirements, "version": 2}, "contentChanges": [{"text": "six==1\n"}]})
    answer = server.answer(server.build())
    assert "error" not in answer, answer
    assert any(m.get("method") == "imageLsp/buildLog" and "unsaved" in m["params"]["line"] for m in server.seen)
    server.stop()


main(globals())
