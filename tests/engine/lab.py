"""Engines, registries and base images for the tests of builds. Everything is on this machine: there is no network.

`run` starts the tests in namespaces of their own (network, processes, mounts), so that nothing is left behind.
"""

import base64
import contextlib
import fcntl
import http.server
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import tarfile
import tempfile
import threading
import time

PROGRAM = os.environ["IMAGE_LSP"]
CACHE = pathlib.Path(os.environ["ENGINE_CACHE"])
PREFIX = CACHE / "prefix"
WORK = pathlib.Path(os.environ["ENGINE_WORK"])
NO_NETWORK = {"FLYTE_DOCKER_BUILD_EXTRA_ARGS": "--network none"}


def loopback_up():
    """A fresh network namespace has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh", b"lo", 1 | 64)
        fcntl.ioctl(s, 0x8914, request)


def wait_until(what, seconds=60, every=0.05):
    """Waits until something holds, and gives it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")


def accepts(port):
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex(("127.0.0.1", port)) == 0


def libraries(prefix):
    """Libraries that came with an older program."""
    folders = [str(f) for root in ("lib", "usr/lib") for f in (prefix / root).glob("*-linux-gnu")]
    return {"LD_LIBRARY_PATH": ":".join(folders)} if folders and prefix != PREFIX else {}


class Engine:
    """docker, new or old, with either store."""

    def __init__(self, name, store="containerd", old=False, arguments=(), data=None):
        self.folder = WORK / name
        self.folder.mkdir(parents=True)
        self.socket = self.folder / "docker.sock"
        self.prefix = CACHE / "old" if old else PREFIX
        features = {"features": {"containerd-snapshotter": True}} if store == "containerd" else {}
        if store == "graph":
            features = {"storage-driver": "overlay2"}
            if not old:
                features["features"] = {"containerd-snapshotter": False}
        (self.folder / "daemon.json").write_text(json.dumps(features))
        self.arguments = arguments
        self.data = data or self.folder / "data"
        self.process = None

    @property
    def host(self):
        return f"unix://{self.socket}"

    def start(self):
        path = f"{self.prefix}/usr/bin:{self.prefix}/usr/sbin:{os.environ['PATH']}"
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [
                f"{self.prefix}/usr/sbin/dockerd", "--config-file", self.folder / "daemon.json", "--host", self.host,
                "--data-root", self.data, "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
                "--bridge=none", "--iptables=false", *self.arguments,
            ],
            env={**os.environ, "PATH": path, **libraries(self.prefix)}, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )

        def answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
                s.connect(str(self.socket))
                s.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b"200 OK" in s.recv(4096)

        wait_until(answers)
        return self

    def stop(self, sign=signal.SIGTERM):
        if self.process:
            self.process.send_signal(sign)
            self.process.wait(60)
            (self.folder / "pid").unlink(missing_ok=True)
            self.process = None

    def docker(self, *arguments, check=True, **options):
        environment = {**os.environ, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(WORK / "config")}
        return subprocess.run(
            [f"{PREFIX}/usr/bin/docker", *map(str, arguments)], env=environment, check=check, capture_output=True, **options
        )

    def load(self, name, tar, *changes):
        flags = [word for change in ("ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin", *changes) for word in ("--change", change)]
        self.docker("import", *flags, "-", name, input=tar)

    def load_bases(self):
        base = stub()
        for version in ("3.11", "3.12", "3.13"):
            self.load(f"python:{version}-slim-bookworm", base)
        self.load("ghcr.io/flyteorg/flyte:py3.12-v2.12.1", base)
        self.load("debian:stub", base)
        self.load("ghcr.io/astral-sh/uv:0.13.4", uv())
        return self

    def load_frontend(self):
        tar = archive({"bin/dockerfile-frontend": ((CACHE / "dockerfile-frontend").read_bytes(), 0o755)})
        label = "moby.buildkit.frontend.caps=moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts"
        self.load(
            "docker/dockerfile:1.10", tar, 'ENTRYPOINT ["/bin/dockerfile-frontend"]', f"LABEL moby.buildkit.frontend.network.none=true {label}"
        )
        return self

    def id(self, uri):
        return json.loads(self.docker("image", "inspect", uri).stdout)[0]["Id"]


def archive(files, links=(), folders=()):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        parents = {str(p) for name in [*files, *(n for n, _ in links)] for p in pathlib.PurePath(name).parents} - {"."}
        for folder in sorted(parents | set(folders)):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        for name, (data, mode) in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return content.getvalue()


APT = rb"""#!/bin/sh
echo "apt-get $*"
for name; do
  case "$name" in nosuch*) echo "E: Unable to locate package $name" >&2; exit 100;; esac
done
"""
USERADD = rb"""#!/bin/sh
for name; do :; done
echo "$name:x:1000:1000::/home/$name:/bin/sh" >> /etc/passwd
echo "$name:x:1000:" >> /etc/group
mkdir -p "/home/$name"
"""
# What the real uv 0.13 says of a project that no index has.
UV = rb"""#!/bin/sh
echo "uv $*"
for name; do
  # A list of packages is read, too.
  case "$name" in *.txt) grep -qi '^nosuch' "$name" && name=nosuch-project;; esac
  case "$name" in nosuch*)
    echo "error: No solution found when resolving dependencies" >&2
    echo "  cause: Because $name was not found in the package registry and you require $name, we can conclude that your requirements are unsatisfiable." >&2
    exit 1;;
  esac
done
if [ "$1" = venv ]; then
  mkdir -p "$2/bin"
  printf '#!/bin/sh\necho "python $*"\n' > "$2/bin/python"
  chmod 755 "$2/bin/python"
fi
"""


def stub():
    """A root folder of busybox under all its names, with stand-ins for what a Dockerfile of flyte calls."""
    busybox = next(p for p in (PREFIX / "bin/busybox", PREFIX / "usr/bin/busybox") if p.exists())
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    files = {
        "bin/busybox": (busybox.read_bytes(), 0o755),
        "bin/bash": (b'#!/bin/sh\nexec /bin/sh "$@"\n', 0o755),
        "etc/passwd": (b"root:x:0:0:root:/root:/bin/sh\n", 0o644),
        "etc/group": (b"root:x:0:\n", 0o644),
        "usr/bin/apt-get": (APT, 0o755),
        "usr/sbin/useradd": (USERADD, 0o755),
    }
    links = [(f"bin/{name}", "busybox") for name in names if name not in ("busybox", "bash")]
    return archive(files, links, ("tmp", "root", "home", "opt", "proc", "sys", "dev", "var/log", "usr/local/bin"))


def uv():
    return archive({"uv": (UV, 0o755)})


class Registry:
    """Debian's registry, with or without a password."""

    def __init__(self, name, port, login=None, tls=None):
        self.folder = WORK / name
        self.folder.mkdir(parents=True)
        self.port = port
        auth = ""
        keys = f", tls: {{certificate: {tls[0]}, key: {tls[1]}}}" if tls else ""
        if login:
            (self.folder / "htpasswd").write_text(f"{login[0]}:{HASHES[login[1]]}\n")
            auth = f"auth:\n  htpasswd: {{realm: test, path: {self.folder}/htpasswd}}\n"
        (self.folder / "config.yml").write_text(
            f"version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {self.folder}/data}}\n  delete: {{enabled: true}}\n"
            f'http: {{addr: "127.0.0.1:{port}"{keys}}}\n{auth}'
        )
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [f"{PREFIX}/usr/bin/docker-registry", "serve", self.folder / "config.yml"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )
        wait_until(lambda: accepts(port))


# bcrypt of the passwords that tests use: `htpasswd -B`.
HASHES = {
    "p~>?ÿ/+": "$2b$04$E0ldRPm33UU4o7MIyvGb9.76pK.pLMpcHRC9ZjRiHzDbLg2e0zVKq",
    "p~>?+/": "$2b$04$DryNu4cWnUenRykmQLkutOjb669Ds6miU8QYf4mjYIS9EawAtcsSS",
}


class TokenRegistry:
    """A registry's front door that wants a bearer token, which it gives to whoever knows the password or has an identity
    token. It has no time for what is called `busy`."""

    def __init__(self, port, login, manifests):
        expected = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            # Engines try TLS first, and have to see that this is HTTP.
            default_request_version = "HTTP/1.0"

            def answer(self, status, body=b"", headers=()):
                self.send_response(status)
                for header in headers:
                    self.send_header(*header)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else body)

            def do_GET(self):
                asked.append(f"{self.command} {self.path}")
                authorization = self.headers.get("Authorization")
                if self.path.startswith("/token"):
                    ok = authorization == expected
                    return self.answer(200 if ok else 401, b'{"token": "abc"}' if ok else b"{}")
                if "/busy/" in self.path:
                    body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit"}]}'
                    return self.answer(429, body, [("Content-Type", "application/json")])
                if authorization != "Bearer abc":
                    realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="s",scope="repository:x:pull"'
                    return self.answer(401, headers=[("WWW-Authenticate", realm)])
                found = manifests.get(self.path)
                if found is None:
                    return self.answer(404, b"{}")
                return self.answer(200, found[1], [("Content-Type", found[0])])

            do_HEAD = do_GET

            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                asked.append(f"POST {self.path} {form}")
                ok = "grant_type=refresh_token" in form and "refresh_token=my-identity" in form
                self.answer(200 if ok else 401, b'{"access_token": "abc"}' if ok else b"{}")

            def log_message(self, *_):
                pass

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
        # Clients that hang up are none of a test's business.
        self.server.handle_error = lambda *_: None
        self.server.allow_reuse_address = self.server.daemon_threads = True
        self.server.server_bind()
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Project:
    """A folder with files."""

    def __init__(self, **files):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=WORK))
        if "image-lsp.toml" not in files:
            # No flyte is installed where these are.
            self.write("image-lsp.toml", 'flyte-version = "2.12.1"\n')
        for name, text in files.items():
            self.write(name, text)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class Result:
    def __init__(self, process, events, seconds, peak):
        self.status, self.stdout, self.stderr = process
        self.events, self.seconds, self.peak = events, seconds, peak

    def of(self, kind):
        return [e for e in self.events if e["event"] == kind]

    @property
    def last(self):
        assert self.events, self.stderr
        return self.events[-1]


def environment(engine, **variables):
    host = {"DOCKER_HOST": engine.host} if engine else {}
    keep = {"PATH": os.environ["PATH"], "HOME": str(WORK), "DOCKER_CONFIG": str(WORK / "config")}
    return {**keep, **host, **NO_NETWORK, **variables}


def build(engine, project, name, *arguments, progress="json", variables=None, file="m.py"):
    """Runs `image-lsp build`; its peak memory in bytes is that of the process alone."""
    command = [PROGRAM, "build", f"{file}::{name}" if name else file, "--progress", progress, *arguments]
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=project.folder, env=environment(engine, **(variables or {})), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    read = {}
    readers = [threading.Thread(target=lambda k=k, s=s: read.__setitem__(k, s.read())) for k, s in (("out", process.stdout), ("err", process.stderr))]
    [r.start() for r in readers]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    [r.join() for r in readers]
    seconds = time.monotonic() - start
    events = [json.loads(line) for line in read["out"].splitlines()] if progress == "json" else []
    return Result((process.returncode, read["out"], read["err"]), events, seconds, usage.ru_maxrss * 1024)


def ok(result):
    assert result.status == 0 and result.last["event"] == "finished", (result.last, result.stderr)
    return result


def fails(result, message):
    assert result.status == 1 and result.last["event"] == "failed", (result.status, result.last, result.stderr)
    assert message in result.last["message"], result.last
    return result.last


def marked(project, found):
    """The text that a range marks."""
    line = (project.folder / found["path"]).read_text().splitlines()[found["range"]["start"]["line"] - 1]
    assert found["range"]["start"]["line"] == found["range"]["end"]["line"], found
    return line[found["range"]["start"]["column"] - 1 : found["range"]["end"]["column"] - 1]


def running(text):
    """Processes whose command line holds a text."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in line and "python" not in line and "image-lsp" not in line:
                found.append(int(folder.name))
    return found


def sockets(pid):
    count = 0
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += os.readlink(link).startswith("socket:")
    return count


def prepare():
    """What all tests need once."""
    loopback_up()
    plugins = WORK / "config/cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(PREFIX / "usr/libexec/docker/cli-plugins/docker-buildx")
    (WORK / "config/config.json").write_text("{}")
    # flyte's own programs find docker here.
    os.environ["PATH"] = f"{PREFIX}/usr/bin:{os.environ['PATH']}:{PREFIX}/usr/sbin"


def main(tests):
    """Runs tests by name, all that begin with `test_`, or those that are named."""
    import sys
    import traceback

    wanted = sys.argv[1:]
    failed, start = [], time.monotonic()
    for name, test in [(n, t) for n, t in tests.items() if n.startswith("test_") and (not wanted or n in wanted)]:
        began = time.monotonic()
        try:
            note = test() or ""
            print(f"  ok   {name[5:].replace('_', ' ')} ({time.monotonic() - began:.1f} s){note and ': ' + note}", flush=True)
        except Exception:
            failed.append(name)
            print(f"  FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{time.monotonic() - start:.0f} s, {len(failed)} failed", flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    sys.exit(1 if failed else 0)
