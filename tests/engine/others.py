"""`image-lsp build` with docker's older store, an old docker, Podman, and engines that are reached over TLS and ssh."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from lab import CACHE, PREFIX, WORK, Engine, Project, Registry, build, environment, fails, libraries, main, marked, ok, prepare, running, stub, uv, wait_until

prepare()
LOGIN = ("me", "p~>?+/")
REGISTRY = Registry("private", 5001, LOGIN)


def project(chain, name="train", platform='("linux/amd64",)', **files):
    base = f'flyte.Image.from_debian_base(name="{name}", registry="localhost:5001/lab", python_version=(3, 12), platform={platform})'
    return Project(**{"m.py": f"import flyte\n\nimage = (\n    {base}\n    {chain}\n)\n", **files})


def login(password=LOGIN[1]):
    import base64

    folder = WORK / f"login-{len(password)}"
    folder.mkdir(exist_ok=True)
    auth = base64.b64encode(f"{LOGIN[0]}:{password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {"localhost:5001": {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}


def test_the_older_store_pushes_by_its_api():
    engine = Engine("graph", store="graph").start().load_bases()
    try:
        p = project('.with_pip_packages("six")')
        result = ok(build(engine, p, "image", variables=login()))
        assert result.last["digest"].startswith("sha256:") and result.of("pushed")[0]["digest"] == result.last["digest"]
        assert "older image store" in result.of("started")[0]["engine"]
        assert ok(build(engine, p, "image", variables=login())).of("exists")
        assert "docker login" in fails(build(engine, p, "image", "--force", variables=login("wrong")), "was not pushed")["advice"]
        both = project('.with_pip_packages("six")', platform='("linux/amd64", "linux/arm64")')
        found = fails(build(engine, both, "image", variables=login()), "builds one platform at a time")
        assert "--platform linux/amd64" in found["advice"] and "containerd image store" in found["advice"], found
        ok(build(engine, both, "image", "--platform", "linux/amd64", "--no-push"))
        process = subprocess.Popen(
            [os.environ["IMAGE_LSP"], "build", "m.py"],
            cwd=project('.with_commands(["sleep 77.5"])', "cancel").folder, env=environment(engine), stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: running("sleep 77.5"))
        process.send_signal(signal.SIGINT)
        wait_until(lambda: not running("sleep 77.5"), seconds=1.5)
        assert process.wait(5) == 130
    finally:
        engine.stop()


def test_an_old_engine_says_what_it_lacks():
    engine = Engine("old", store="graph", old=True).start().load_bases()
    try:
        ok(build(engine, project('.with_commands(["echo hello"])', "plain"), "image", "--no-push"))
        p = project('.with_commands(["echo $LAB_TOKEN"], secret_mounts="lab_token")', "secret")
        found = fails(build(engine, p, "image", "--no-push", variables={"LAB_TOKEN": "hunter2"}), "too old for secrets in environment variables")
        assert "docker 28" in found["advice"], found
        assert "docker 20.10" in build(engine, p, "image", "--no-push", variables={"LAB_TOKEN": "x"}).of("started")[0]["engine"]
    finally:
        engine.stop()


class Podman:
    def __init__(self):
        self.folder = WORK / "podman"
        self.folder.mkdir()
        self.socket = self.folder / "podman.sock"
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{self.folder}/run"\ngraphroot = "{self.folder}/graph"\n'
        )
        (self.folder / "registries.conf").write_text('unqualified-search-registries = ["docker.io"]\n[[registry]]\nlocation = "localhost:5001"\ninsecure = true\n')
        (self.folder / "containers.conf").write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        self.environment = {
            **os.environ, "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"), "CONTAINERS_CONF": str(self.folder / "containers.conf"),
        }
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            ["podman", "system", "service", "-t", "0", self.host], env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        wait_until(self.socket.exists)
        base = stub()
        for name, tar in [("ghcr.io/flyteorg/flyte:py3.12-v2.12.1", base), ("docker.io/library/python:3.12-slim-bookworm", base), ("ghcr.io/astral-sh/uv:0.13.4", uv())]:
            command = ["podman", "import", "--change", "ENV PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin", "-", name]
            done = subprocess.run(command, input=tar, env=self.environment, capture_output=True)
            assert done.returncode == 0, done.stderr

    @property
    def host(self):
        return f"unix://{self.socket}"


def test_podman_builds_and_pushes():
    podman = Podman()
    try:
        here = {"CONTAINER_HOST": podman.host, "REGISTRY_AUTH_FILE": login()["DOCKER_CONFIG"] + "/config.json"}
        chain = '.with_apt_packages("git").with_commands(["echo it is $LAB_TOKEN; test -n \\"$LAB_TOKEN\\""], secret_mounts="lab_token")'
        p = project(chain)
        result = ok(build(podman, p, "image", "--builder", "local-podman", variables={**here, "LAB_TOKEN": "hunter2-hunter2"}))
        assert any(e["line"] == "it is ***" for e in result.of("log")) and "hunter2" not in result.stdout, result.of("log")
        assert result.of("started")[0]["engine"].startswith("Podman") and result.of("pushed")
        steps = [e for e in result.of("step") if e.get("method") == "with_apt_packages"]
        assert steps, result.of("step")
        assert ok(build(podman, p, "image", "--builder", "local-podman", variables={**here, "LAB_TOKEN": "x"})).of("exists")
        broken = project('.with_apt_packages("git", "nosuch-tool")', "broken")
        found = fails(build(podman, broken, "image", "--builder", "local-podman", "--no-push", variables=here), "apt has no package nosuch-tool")
        assert marked(broken, found) == '"nosuch-tool"', found
        both = project('.with_pip_packages("six")', platform='("linux/amd64", "linux/arm64")')
        fails(build(podman, both, "image", "--builder", "local-podman", variables=here), "builds one platform at a time")
        bind = project('.with_requirements("requirements.txt")', "bind", **{"requirements.txt": "six\n"})
        result = ok(build(podman, bind, "image", "--builder", "local-podman", "--no-push", variables=here))
        assert any("--requirement requirements.txt" in e["line"] for e in result.of("log")), result.of("log")
        lock = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n'
        files = {"app/pyproject.toml": '[project]\nname = "app"\nversion = "0"\nrequires-python = ">=3.11"\n', "app/uv.lock": lock}
        uv_project = project('.with_uv_project("app/pyproject.toml")', "uv", **files)
        result = ok(build(podman, uv_project, "image", "--builder", "local-podman", "--no-push", variables=here))
        assert any("uv sync" in e["line"] for e in result.of("log")), result.of("log")
        process = subprocess.Popen(
            [os.environ["IMAGE_LSP"], "build", "m.py", "--builder", "local-podman", "--no-push"],
            cwd=project('.with_commands(["sleep 66.5"])', "cancel").folder, env=environment(podman, **here), stderr=subprocess.PIPE, text=True,
        )
        wait_until(lambda: running("sleep 66.5"))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "Podman finishes the step that runs" in process.stderr.read()
    finally:
        podman.process.kill()


def certificates(folder):
    folder.mkdir()

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca", "-addext", "keyUsage=keyCertSign")
    for name, use in [("server", "serverAuth"), ("client", "clientAuth")]:
        openssl("req", *key, "-keyout", f"{name}-key.pem", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.test\nextendedKeyUsage={use}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "ext")
    mine = folder / "mine"
    mine.mkdir()
    for source, target in [("ca.pem", "ca.pem"), ("client.pem", "cert.pem"), ("client-key.pem", "key.pem")]:
        shutil.copy(folder / source, mine / target)
    return mine


def test_engines_over_tcp_with_tls_and_over_ssh():
    keys = WORK / "keys"
    mine = certificates(keys)
    tls = ("--tlsverify", f"--tlscacert={keys}/ca.pem", f"--tlscert={keys}/server.pem", f"--tlskey={keys}/server-key.pem")
    engine = Engine("tls", arguments=("--host", "tcp://127.0.0.1:2376", *tls)).start().load_bases()
    try:
        p = project('.with_commands(["echo over tls"])', "tls")
        address = {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(mine)}
        assert any(e["line"] == "over tls" for e in ok(build(None, p, "image", "--no-push", variables=address)).of("log"))
        fails(build(None, p, "image", "--no-push", variables={**address, "DOCKER_CERT_PATH": str(WORK)}), "cannot be reached")
        fails(build(None, p, "image", "--no-push", variables={"DOCKER_HOST": "tcp://127.0.0.1:2376"}), "cannot be reached")
        ssh(engine)
    finally:
        engine.stop()


def ssh(engine):
    """sshd from Debian's package, with a key of its own, for a user whose docker is the engine's."""
    folder, prefix = WORK / "ssh", CACHE / "ssh"
    (folder / "bin").mkdir(parents=True)
    os.makedirs("/run/sshd", exist_ok=True)
    for name in ("host", "mine"):
        subprocess.run([f"{prefix}/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True, env={**os.environ, **libraries(prefix)})
    shutil.copy(folder / "mine.pub", folder / "authorized_keys")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:2222\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\n"
        f"UsePAM no\nPidFile {folder}/pid\nSetEnv PATH={PREFIX}/usr/bin:/usr/bin:/bin DOCKER_HOST={engine.host}\nPermitRootLogin yes\n"
    )
    library = {**os.environ, **libraries(prefix)}
    if not has_user("sshd"):
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "sshd"], check=True)
    server = subprocess.Popen([f"{prefix}/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"], env=library, stderr=open(folder / "log", "wb"))
    (folder / "client").write_text(f"Host far\n  HostName 127.0.0.1\n  Port 2222\n  User root\n  IdentityFile {folder}/mine\n  StrictHostKeyChecking no\n  UserKnownHostsFile {folder}/known\n")
    # ssh takes its configuration from the user's home, wherever HOME points.
    wrapper = folder / "bin/ssh"
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries(prefix)["LD_LIBRARY_PATH"]} exec {prefix}/usr/bin/ssh -F {folder}/client "$@"\n')
    wrapper.chmod(0o755)
    try:
        wait_until(lambda: server.poll() is None and (folder / "pid").exists(), 10)
        p = project('.with_commands(["echo over ssh"])', "ssh")
        path = {"PATH": f"{folder}/bin:{os.environ['PATH']}"}
        result = ok(build(None, p, "image", "--no-push", "--engine-host", "ssh://root@far", variables=path))
        assert any(e["line"] == "over ssh" for e in result.of("log")), result.events
        fails(build(None, p, "image", "--engine-host", "ssh://root@127.0.0.1:2223", variables=path), "cannot be reached")
    finally:
        server.kill()


def test_registries_that_speak_tls():
    keys = WORK / "registry-keys"
    certificates(keys)
    hosts = WORK / "hosts"
    hosts.write_text("127.0.0.1 localhost registry.test\n")
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    Registry("tls-registry", 5003, tls=(keys / "server.pem", keys / "server-key.pem"))
    trusted = {"SSL_CERT_FILE": str(keys / "ca.pem")}
    engine = Engine("plain").start().load_bases()
    p = Project(**{"m.py": 'import flyte\nimage = flyte.Image.from_debian_base(name="x", registry="registry.test:5003", python_version=(3, 12), platform=("linux/amd64",)).with_commands(["true"])\n'})

    def asked(result):
        return [e["message"] for e in result.of("warning") if "could not be asked" in e["message"]]

    try:
        # Who does not know the authority learns nothing.
        result = build(engine, p, "image")
        assert "certificate" in str(asked(result)) and "check its certificate" in fails(result, "was not pushed")["advice"], result.events
        assert not asked(build(engine, p, "image", variables=trusted))
    finally:
        engine.stop()
    loose = Engine("loose", arguments=("--insecure-registry", "registry.test:5003")).start().load_bases()
    try:
        assert not asked(ok(build(loose, p, "image")))
        assert ok(build(loose, p, "image")).of("exists")
    finally:
        loose.stop()


def has_user(name):
    return any(line.startswith(f"{name}:") for line in pathlib.Path("/etc/passwd").read_text().splitlines())


main(globals())
