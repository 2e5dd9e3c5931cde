"""`image-lsp build` with the newest engine and containerd's image store."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from lab import PROGRAM, WORK, Engine, Project, Registry, TokenRegistry, build, environment, fails, main, marked, ok, prepare, running, wait_until

prepare()
ENGINE = Engine("main").start().load_bases()
REGISTRY = Registry("open", 5000)
LOGIN = ("me", "p~>?ÿ/+")
PRIVATE = Registry("private", 5001, LOGIN)

BASE = 'flyte.Image.from_debian_base(name="{name}", registry="{registry}", python_version=(3, 12), platform=("linux/amd64",))'


def project(chain, name="train", registry="localhost:5000/lab", **files):
    base = BASE.format(name=name, registry=registry)
    return Project(**{"m.py": f"import flyte\n\nimage = (\n    {base}\n    {chain}\n)\n", **files})


def manifest(uri):
    host, rest = uri.split("/", 1)
    name, tag = rest.rsplit(":", 1)
    request = urllib.request.Request(f"http://{host}/v2/{name}/manifests/{tag}", method="HEAD")
    request.add_header("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json")
    return urllib.request.urlopen(request).headers["Docker-Content-Digest"]


def test_an_image_is_built_pushed_and_then_there():
    p = project('.with_apt_packages("git").with_pip_packages("six").with_commands(["echo done"]).with_env_vars({"A": "1"})')
    first = ok(build(ENGINE, p, "image"))
    kinds = [e["event"] for e in first.events]
    assert kinds[0] == "started" and kinds[-2:] == ["pushed", "finished"], kinds
    assert first.last["status"] == "built" and first.last["digest"] == manifest(first.last["uri"]), first.last
    steps = [e for e in first.of("step") if e.get("method") == "with_apt_packages"]
    assert {e["state"] for e in steps} >= {"done"} and marked(p, steps[0]) == 'with_apt_packages("git")', steps
    assert any(e["line"] == "done" for e in first.of("log"))
    again = ok(build(ENGINE, p, "image"))
    assert [e["event"] for e in again.events] == ["started", "exists", "finished"], again.events
    assert again.last["status"] == "exists"
    forced = ok(build(ENGINE, p, "image", "--force"))
    assert all(e["state"] != "done" for e in forced.of("step") if e.get("method", "from").startswith("with")), forced.of("step")
    local = ok(build(ENGINE, p, "image", "--no-push"))
    assert local.of("exists")[0]["place"] == "engine"


def test_the_frontend_that_cannot_be_pulled_is_said():
    p = project('.with_commands(["true"])', "frontend")
    warnings = [e["message"] for e in ok(build(ENGINE, p, "image")).of("warning")]
    assert any("docker/dockerfile:1.10" in w and "the engine's own one builds instead" in w for w in warnings), warnings
    p.write("image-lsp.toml", 'flyte-version = "2.12.1"\n[build]\nsyntax-directive = "builtin"\n')
    assert not ok(build(ENGINE, p, "image", "--force")).of("warning")


def test_a_failure_marks_what_asked_for_it():
    for chain, text, message in [
        ('.with_apt_packages("git", "nosuch-tool")', '"nosuch-tool"', "apt has no package nosuch-tool"),
        ('.with_pip_packages("six", "nosuch-project")', '"nosuch-project"', "uv finds no project nosuch-project"),
        ('.with_commands(["true", "set -e; frobnicate --now"])', '"set -e; frobnicate --now"', "has no program frobnicate"),
        ('.with_commands(["exit 7"])', '"exit 7"', "`RUN exit 7` ended with exit status 7"),
    ]:
        p = project(chain, "broken")
        found = fails(build(ENGINE, p, "image"), message)
        assert marked(p, found) == text, (marked(p, found), text)
        assert found["dockerfile_lines"] and ("exit 7" in text or found["log"] and found["advice"]), found
    # A list of packages is marked in its file.
    p = project('.with_requirements("r.txt")', "listed", **{"r.txt": "six\nNosuch_Project>=1 ; python_version > '3'\n"})
    found = fails(build(ENGINE, p, "image"), "uv finds no project nosuch-project")
    assert (found["path"], marked(p, found)) == ("r.txt", "Nosuch_Project>=1"), found
    # A constant elsewhere is marked where it is written.
    p = project(".with_pip_packages(*PACKAGES)", "constant")
    text = (p.folder / "m.py").read_text().replace("\nimage", '\nPACKAGES = ["six", "nosuch-project"]\nimage')
    p.write("m.py", text)
    assert marked(p, fails(build(ENGINE, p, "image"), "nosuch-project")) == '"nosuch-project"'


def test_people_see_the_source_and_the_last_lines():
    p = project('.with_commands(["echo before; frobnicate"])', "people")
    result = build(ENGINE, p, "image", progress="plain")
    assert result.status == 1 and result.stdout == "", result.stdout
    for text in ("frobnicate: not found", "m.py:5:", "the image has no program frobnicate", "help: install it"):
        assert text in result.stderr, result.stderr
    good = build(ENGINE, project('.with_commands(["true"])', "people2"), "image", progress="plain")
    assert good.status == 0 and good.stdout.startswith("localhost:5000/lab/people2:"), good.stderr
    assert "\x1b" not in good.stderr


def test_a_terminal_shows_a_line_for_each_step():
    p = project('.with_commands(["echo shown; sleep 0.5"])', "terminal")
    command = f"{PROGRAM} build m.py --no-push"
    result = subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        cwd=p.folder, env=environment(ENGINE, TERM="xterm"), capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )
    assert result.returncode == 0 and "✓" in result.stdout and "with_commands, m.py:5" in result.stdout, result.stdout


def test_secrets_reach_the_step_and_nothing_else():
    value = "hunter2-hunter2"
    chain = '.with_commands(["echo it is $LAB_TOKEN; test -n \\"$LAB_TOKEN\\""], secret_mounts="lab_token")'
    p = project(chain, "secret")
    missing = fails(build(ENGINE, p, "image"), "the secret is not on this machine")
    assert missing["rule"] == "IMG212" and marked(p, missing) == '"lab_token"', missing
    result = ok(build(ENGINE, p, "image", variables={"LAB_TOKEN": value}))
    assert any(e["line"] == "it is ***" for e in result.of("log")), result.of("log")
    assert value not in result.stdout + result.stderr
    history = ENGINE.docker("image", "inspect", result.last["uri"]).stdout + ENGINE.docker("history", "--no-trunc", result.last["uri"]).stdout
    assert value.encode() not in history
    with tempfile.NamedTemporaryFile(dir=ENGINE.folder) as saved:
        ENGINE.docker("save", "-o", saved.name, result.last["uri"])
        assert value.encode() not in pathlib.Path(saved.name).read_bytes()
    # From a file, mounted as a file.
    os.makedirs("/etc/secrets", exist_ok=True)
    pathlib.Path("/etc/secrets/g_k").write_text("of the file")
    try:
        mount = 'secret_mounts=[flyte.Secret(key="k", group="g", mount="/etc/flyte/secrets")]'
        p = project(f'.with_commands(["cat /etc/flyte/secrets | grep -q \'of the file\'"], {mount})', "file-secret")
        ok(build(ENGINE, p, "image"))
    finally:
        shutil.rmtree("/etc/secrets")


def config(folder, auths):
    folder = WORK / folder
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(auths))
    return {"DOCKER_CONFIG": str(folder)}


def encoded(*login):
    import base64

    return {"auth": base64.b64encode(":".join(login).encode()).decode()}


def test_passwords_of_registries():
    p = project('.with_commands(["true"])', "private", registry="localhost:5001/lab")
    right = config("right", {"auths": {"localhost:5001": encoded(*LOGIN)}})
    wrong = config("wrong", {"auths": {"localhost:5001": encoded("me", "wrong")}})
    for variables in (wrong, {}):
        found = fails(build(ENGINE, p, "image", variables=variables), "was not pushed")
        assert "docker login localhost:5001" in found["advice"], found
    ok(build(ENGINE, p, "image", variables=right))
    assert ok(build(ENGINE, p, "image", variables=right)).of("exists")
    # A base that is not for everybody, and one that is not there.
    text = 'import flyte\nimage = flyte.Image.from_base("localhost:500{}/lab/nosuch:1").clone(name="x", registry="localhost:5000", extendable=True).with_commands(["true"])\n'
    base = Project(**{"m.py": text.format(1)})
    assert "docker login" in fails(build(ENGINE, base, "image"), "does not let you in")["advice"]
    base = Project(**{"m.py": text.format(0)})
    found = fails(build(ENGINE, base, "image"), "the registry has no image localhost:5000/lab/nosuch:1")
    assert marked(base, found) == '"localhost:5000/lab/nosuch:1"', found
    # A helper, and a store.
    helper = WORK / "bin/docker-credential-lab"
    helper.parent.mkdir(exist_ok=True)
    answer = json.dumps({"ServerURL": "localhost:5001", "Username": LOGIN[0], "Secret": LOGIN[1]}, ensure_ascii=False)
    helper.write_text(f"#!/bin/sh\nread server\n[ $server = localhost:5001 ] || {{ echo credentials not found in native keychain; exit 1; }}\ncat <<'E'\n{answer}\nE\n")
    helper.chmod(0o755)
    path = {"PATH": f"{helper.parent}:{os.environ['PATH']}"}
    for settings in ({"credHelpers": {"localhost:5001": "lab"}}, {"credsStore": "lab", "auths": {"localhost:5001": {}}}):
        ok(build(ENGINE, p, "image", "--force", variables={**config("helper", settings), **path}))
    # A helper that is not there does not keep what is public from being built.
    gone = {**config("gone", {"credsStore": "gone"})}
    ok(build(ENGINE, project('.with_commands(["true"])', "public"), "image", variables=gone))


def test_a_registry_that_is_not_there_and_one_that_wants_tokens():
    p = project('.with_commands(["true"])', "nowhere", registry="localhost:5999/lab")
    result = build(ENGINE, p, "image")
    found = fails(result, "was not pushed")
    assert any("could not be asked" in e["message"] for e in result.of("warning")) and found["advice"], result.events
    p = project('.with_commands(["true"])', "x", registry="127.0.0.1:5002")
    shown = subprocess.run([PROGRAM, "inspect", "m.py", "--output-format", "json"], cwd=p.folder, capture_output=True, text=True)
    tag = json.loads(shown.stdout)["images"][0]["variants"][0]["tag"]
    index = {"manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]}
    kind = "application/vnd.oci.image.index.v1+json"
    door = TokenRegistry(5002, ("me", "secret"), {f"/v2/x/manifests/{tag}": (kind, json.dumps(index).encode())})
    right = config("token", {"auths": {"127.0.0.1:5002": encoded("me", "secret")}})
    assert ok(build(ENGINE, p, "image", variables=right)).of("exists"), door.asked
    assert any(a.startswith("GET /token?service=s&scope=repository") for a in door.asked), door.asked
    identity = config("identity", {"auths": {"127.0.0.1:5002": {"auth": "", "identitytoken": "my-identity"}}})
    assert ok(build(ENGINE, p, "image", variables=identity)).of("exists"), door.asked
    text = 'import flyte\nimage = flyte.Image.from_base("127.0.0.1:5002/busy/x:1").clone(name="y", registry="localhost:5000", extendable=True).with_commands(["true"])\n'
    found = fails(build(ENGINE, Project(**{"m.py": text}), "image"), "the registry allows no more pulls for now")
    assert "docker login" in found["advice"], found
    # Of several platforms all have to be there.
    both = (p.folder / "m.py").read_text().replace('("linux/amd64",)', '("linux/amd64", "linux/arm64")')
    p.write("m.py", both)
    door.asked.clear()
    build(ENGINE, p, "image", variables=right)
    assert "exists" not in str(door.asked)


def test_the_context_is_what_the_model_says():
    files = {"src/a.py": "a = 1\n", "src/b.log": "b\n", "src/deep/c.py": "c\n", ".dockerignore": "*.log\n", "requirements.txt": "six\n"}
    chain = '.with_requirements("requirements.txt").with_source_folder(pathlib.Path("src"), "/app").with_commands(["cd /app && find . -type f | sort"])'
    p = project(chain, "context", **files)
    p.write("m.py", "import pathlib\n" + (p.folder / "m.py").read_text().replace(".with_requirements", '.with_commands(["useradd --create-home flyte"]).with_requirements'))
    result = ok(build(ENGINE, p, "image", "--root-dir", str(p.folder)))
    lines = [e["line"] for e in result.of("log") if e["line"].startswith("./")]
    assert lines == ["./a.py", "./deep/c.py"] or lines == ["./src/a.py", "./src/deep/c.py"], lines
    assert result.of("context")[-1]["files"] == 3, result.of("context")
    dry = p.folder / "dry"
    done = build(ENGINE, p, "image", "--dry-run", "--context-dir", str(dry), "--root-dir", str(p.folder), progress="plain")
    assert done.status == 0 and done.stdout.strip() == str(dry), done.stderr
    found = sorted(str(f.relative_to(dry)) for f in dry.rglob("*") if f.is_file())
    assert found == ["Dockerfile", "requirements.txt", "src/a.py", "src/deep/c.py"], found
    assert build(ENGINE, p, "image", "--dry-run", "--context-dir", str(dry), progress="plain").status == 2


def test_dockerfiles_of_the_user_are_built_in_their_folder():
    text = "FROM debian:stub\nCOPY . /app\nRUN cat /app/link && ls -la /app && test ! -e /app/secret.txt\n"
    files = {"docker/Dockerfile": text, "docker/a.txt": "hello", "docker/secret.txt": "x", "docker/.dockerignore": "secret.txt\n"}
    p = Project(**{"m.py": 'import flyte\nimage = flyte.Image.from_dockerfile("docker/Dockerfile", registry="localhost:5000/lab", name="own")\n', **files})
    (p.folder / "docker/link").symlink_to("a.txt")
    result = ok(build(ENGINE, p, "image"))
    assert any(e["line"].endswith("link -> a.txt") for e in result.of("log")), result.of("log")
    p.write("docker/Dockerfile", "FROM debian:stub\nRUN true\nRNU false\n")
    found = fails(build(ENGINE, p, "image"), "the Dockerfile cannot be read: unknown instruction: RNU")
    assert found["dockerfile"] == "docker/Dockerfile" and found["dockerfile_lines"] == [3, 3], found
    shown = build(ENGINE, p, "image", progress="plain").stderr
    assert "docker/Dockerfile:3:1" in shown and "RNU false" in shown, shown


def test_a_large_context_takes_little_memory():
    p = Project(**{"m.py": 'import flyte\nimage = flyte.Image.from_dockerfile("d/Dockerfile", registry="localhost:5000/lab", name="large")\n', "d/Dockerfile": "FROM debian:stub\nCOPY large /large\n"})
    with open(p.folder / "d/large", "wb") as f:
        for _ in range(500):
            f.write(os.urandom(1 << 20))
    result = ok(build(ENGINE, p, "image", "--no-push"))
    assert result.of("context")[-1]["bytes"] == 500 << 20, result.of("context")
    assert result.peak < 50 << 20, f"{result.peak >> 20} MB"
    # What nobody asks for is not sent.
    p.write("d/Dockerfile", "FROM debian:stub\nCOPY Dockerfile /\n")
    small = ok(build(ENGINE, p, "image", "--no-push"))
    assert small.of("context")[-1]["bytes"] < 1000 and small.peak < 50 << 20, small.of("context")
    return f"500 MB sent with {result.peak >> 20} MB resident in {result.seconds:.1f} s"


def started(p, *arguments):
    process = subprocess.Popen(
        [PROGRAM, "build", "m.py", "--progress", "json", *arguments],
        cwd=p.folder, env=environment(ENGINE), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    return process


def test_whoever_ends_the_program_ends_the_step():
    for number, (sign, status) in enumerate([(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)]):
        process = started(project(f'.with_commands(["sleep 10{number}.5"])', "cancel"))
        wait_until(lambda: running(f"sleep 10{number}.5"))
        process.send_signal(sign)
        wait_until(lambda: not running(f"sleep 10{number}.5"), seconds=1.5)
        assert process.wait(5) == status, (process.returncode, status)
        if status == 130:
            assert json.loads(process.stdout.read().splitlines()[-1])["message"] == "the build was cancelled"


def test_several_platforms_are_one_build():
    text = 'import flyte\nimage = flyte.Image.from_dockerfile("d/Dockerfile", registry="localhost:5000/lab", name="both", platform=("linux/amd64", "linux/arm64"))\n'
    p = Project(**{"m.py": text, "d/Dockerfile": "FROM scratch\nCOPY a /a\n", "d/a": "a"})
    result = ok(build(ENGINE, p, "image"))
    raw = ENGINE.docker("buildx", "imagetools", "inspect", "--raw", result.last["uri"]).stdout
    assert {"amd64", "arm64"} <= {m["platform"]["architecture"] for m in json.loads(raw)["manifests"]}
    assert not [e for e in result.of("warning") if "emulation" in e["message"]]
    assert ok(build(ENGINE, p, "image")).of("exists")
    # A step that runs a program needs an engine that can.
    p.write("d/Dockerfile", "FROM scratch\nCOPY a /a\nRUN [\"/a\"]\n")
    result = build(ENGINE, p, "image", "--no-push", "--platform", "linux/s390x")
    assert result.status == 1 and any("runs no programs of linux/s390x" in e["message"] for e in result.of("warning")), result.events


def test_what_cannot_work_is_said_at_once():
    p = project('.with_requirements("gone.txt")', "gone")
    found = fails(build(ENGINE, p, "image"), "gone.txt")
    assert found["rule"] == "IMG101" and not ENGINE.docker("images", "-q", "localhost:5000/lab/gone").stdout, found
    p = Project(**{"m.py": 'import flyte\nimport os\nimage = flyte.Image.from_base(os.uname().nodename).clone(name="x", extendable=True).with_commands(["a"])\n'})
    found = fails(build(ENGINE, p, "image"), "is not known, because")
    assert "flyte" in found["advice"] and found["path"] == "m.py", found
    p = Project(**{"m.py": 'import flyte\nimage = flyte.Image.from_debian_base(name="loose", python_version=(3, 12), platform=("linux/amd64",)).with_commands(["true"])\n'})
    assert fails(build(ENGINE, p, "image", "--push"), "no registry to push to")["rule"] == "IMG204"
    assert [e["rule"] for e in ok(build(ENGINE, p, "image")).of("warning") if "rule" in e] == ["IMG204"]
    # The configured registry is that of the push, as in flyte.
    pushed = ok(build(ENGINE, p, "image", variables={"FLYTE_IMAGE_REGISTRY": "localhost:5000/configured"}))
    assert pushed.last["uri"].startswith("localhost:5000/configured/loose:") and manifest(pushed.last["uri"])
    p = project('.with_commands(["true"])', "Upper Case")
    fails(build(ENGINE, p, "image"), "no engine accepts this name")
    p = Project(**{"m.py": "import flyte\nimage = flyte.Image.from_base('debian:stub')\n"})
    assert ok(build(ENGINE, p, "image")).last == {"event": "finished", "uri": "debian:stub", "digest": None, "id": None, "status": "exists"}


def test_no_engine_a_stale_socket_no_permission():
    p = project('.with_commands(["true"])', "lost")
    nobody = {"DOCKER_HOST": f"unix://{WORK}/none.sock"}
    assert "there is no such socket" in fails(build(None, p, "image", variables=nobody), "cannot be reached")["message"]
    import socket

    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{WORK}/stale.sock")
    found = fails(build(None, p, "image", variables={"DOCKER_HOST": f"unix://{WORK}/stale.sock"}), "nobody listens there")
    assert "start the engine" in found["advice"], found
    found = fails(build(None, p, "image", "--engine-host", "ftp://x"), "is no address of an engine")
    assert build(None, p, "image", variables={"DOCKER_CONTEXT": "far"}).last["message"].startswith("docker has no context far")
    # Somebody else's socket.
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "build", "m.py", "--progress", "json"]
    os.chmod(WORK, 0o755)
    os.chmod(p.folder, 0o755)
    os.chmod(ENGINE.socket, 0o660)
    result = subprocess.run(command, cwd=p.folder, env=environment(ENGINE), capture_output=True, text=True)
    found = json.loads(result.stdout.splitlines()[-1])
    assert "this user may not use it" in found["message"] and "group docker" in found["advice"], result
    shown = subprocess.run([PROGRAM, "debug-info"], env=environment(ENGINE), capture_output=True, text=True).stdout
    assert f"{ENGINE.host} (the environment variable DOCKER_HOST): docker 28" in shown and "containerd image store" in shown, shown
    # docker's contexts name the engine, too.
    name = {**config("contexts", {}), "PATH": os.environ["PATH"]}
    ENGINE.docker("--config", WORK / "contexts", "context", "create", "lab", "--docker", f"host={ENGINE.host}")
    ok(build(None, p, "image", variables={**name, "DOCKER_CONTEXT": "lab"}))


def test_a_bad_setting_and_an_unknown_builder():
    p = project('.with_commands(["true"])', "settings")
    assert build(ENGINE, p, "nosuch").status == 2
    assert build(ENGINE, p, None, file="none.py").status == 2
    p.write("image-lsp.toml", 'flyte-version = "2.12.1"\n[build]\nengine-host = "nowhere"\n')
    fails(build(ENGINE, p, "image"), "is no address of an engine")
    p.write("image-lsp.toml", f'flyte-version = "2.12.1"\n[build]\nengine-host = "{ENGINE.host}"\n')
    ok(build(None, p, "image"))


def test_the_first_step_comes_soon_and_cached_builds_are_quick():
    p = project('.with_apt_packages("git").with_pip_packages("six").with_commands(["echo done"])', "quick")
    ok(build(ENGINE, p, "image", "--no-push"))
    p.write("image-lsp.toml", 'flyte-version = "2.12.1"\n[build]\nsyntax-directive = "builtin"\n')
    dry = p.folder / "dry"
    assert build(ENGINE, p, "image", "--dry-run", "--context-dir", str(dry), progress="plain").status == 0
    file = (dry / "Dockerfile").read_text().splitlines(keepends=True)
    (dry / "Dockerfile").write_text("".join(file[1:]))
    ours, theirs, first = [], [], []
    for _ in range(5):
        start = time.monotonic()
        process = subprocess.Popen(
            [PROGRAM, "build", "m.py", "--progress", "json", "--no-push", "--force"],
            cwd=p.folder, env=environment(ENGINE), stdout=subprocess.PIPE, text=True,
        )
        for line in process.stdout:
            if '"event":"step"' in line and len(first) == len(ours):
                first.append(time.monotonic() - start)
        assert process.wait() == 0
        ours.append(time.monotonic() - start)
        start = time.monotonic()
        ENGINE.docker("buildx", "build", "--builder", "default", "--network", "none", "--platform", "linux/amd64", "--tag", "localhost:5000/lab/quick:buildx", "--load", dry)
        theirs.append(time.monotonic() - start)
    ours, theirs, first = (sorted(x)[len(x) // 2] for x in (ours, theirs, first))
    return f"first step after {first * 1000:.0f} ms, cached build {ours * 1000:.0f} ms, docker buildx {theirs * 1000:.0f} ms"


def test_an_engine_that_dies_or_whose_disk_is_full():
    p = project('.with_commands(["sleep 99.25"])', "dies")
    process = started(p)
    wait_until(lambda: running("sleep 99.25"))
    ENGINE.stop(signal.SIGKILL)
    assert process.wait(20) == 1
    found = json.loads(process.stdout.read().splitlines()[-1])
    assert "went away during the build" in found["message"] and found["advice"], found
    for pid in {*running("containerd"), *running("sleep 99.25")}:
        os.kill(pid, signal.SIGKILL)
    small = WORK / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", small], check=True)
    full = Engine("full", data=small / "data").start()
    try:
        full.load_bases()
        p = project('.with_commands(["dd if=/dev/zero of=/large bs=1M count=200"])', "full")
        found = fails(build(full, p, "image", "--no-push"), "the engine's disk is full")
        assert "prune" in found["advice"], found
    finally:
        full.stop()
        subprocess.run(["umount", "-l", small])


main(globals())
