"""What the installed flyte makes of a file: names, URIs, tags, layers, errors by stage, Dockerfiles, build contexts.

Reads one JSON request a line from standard input and answers with one JSON line. Each request is served in a fork, so
that nothing of one file is left for the next; flyte itself is imported once.
"""

import asyncio
import fcntl
import gc
import hashlib
import importlib.util
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import traceback

os.environ.update(
    DO_NOT_TRACK="1",
    FLYTE_DISABLE_TELEMETRY="1",
    FLYTE_DISABLE_SENTRY="1",
    FLYTE_DOCKER_BUILDKIT_BUILDER_NAME="none",
    UV_OFFLINE="1",
    UV_NO_PROGRESS="1",
    PYTHONDONTWRITEBYTECODE="1",
)
sys.dont_write_bytecode = True

import flyte  # noqa: E402
import inspect  # noqa: E402

from flyte import Image  # noqa: E402
from flyte._environment import Environment  # noqa: E402
from flyte._initialize import _get_init_config  # noqa: E402
from flyte._internal.imagebuild import docker_builder  # noqa: E402

import logging  # noqa: E402

logging.disable(logging.CRITICAL)

from flyte.syncify import _api as syncify  # noqa: E402

# Releases before 2.0.3 have no code bundles.
resolve_code_bundle_layer = getattr(flyte._image, "resolve_code_bundle_layer", lambda image, style, root: image)


async def no_builder(*_):
    """In place of what looks for Docker: a dry run needs none."""
    return "none"


for looks_for_docker in ("_ensure_buildx_builder", "_resolve_builder_name"):
    if hasattr(docker_builder.DockerImageBuilder, looks_for_docker):
        setattr(docker_builder.DockerImageBuilder, looks_for_docker, staticmethod(no_builder))
if hasattr(docker_builder.DockerImageBuilder, "_build_command_prefix"):

    async def no_command(*_):
        return []

    docker_builder.DockerImageBuilder._build_command_prefix = no_command

LOOPS = [o for o in gc.get_objects() if type(o) is syncify._BackgroundLoop]


def restart_loops():
    """Threads do not survive a fork: flyte's background loops are started anew."""
    for background in LOOPS:
        background.loop = asyncio.new_event_loop()
        background.thread = threading.Thread(name=background.thread.name, target=background._run, daemon=True)
        background.thread.start()


def error(e):
    return {"type": type(e).__name__, "message": str(e)}


def attempt(f):
    try:
        return {"ok": f()}
    except Exception as e:
        return {"error": error(e)}


def names(module):
    found = []
    seen = set()

    def walk(value, name, depth):
        if depth > 4:
            return
        if isinstance(value, Image):
            found.append((name, value))
        elif isinstance(value, (tuple, list)):
            for i, item in enumerate(value):
                walk(item, f"{name}[{i}]", depth + 1)
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(key, str):
                    shown = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
                elif isinstance(key, (int, float)):
                    shown = repr(key)
                else:
                    continue
                walk(item, f"{name}[{shown}]", depth + 1)
        elif isinstance(value, Environment):
            walk(value.image, f"{name}.image", depth + 1)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for key, item in vars(value).items():
                walk(item, f"{name}.{key}", depth + 1)
        elif type(value).__module__ == module.__name__ and id(value) not in seen:
            seen.add(id(value))
            for key, item in vars(value).items():
                walk(item, f"{name}.{key}", depth + 1)

    for key, value in list(vars(module).items()):
        if not key.startswith("__"):
            walk(value, key, 0)
    return found


def dockerfile(image):
    """The Dockerfile and the files of the context, from the local builder's dry run."""
    result = {"text": None, "context": None}

    def listen(message="", **_):
        if message.startswith("Context path: "):
            root = pathlib.Path(message[len("Context path: "):])
            files = {}
            for path in sorted(root.rglob("*")):
                if path.is_file() and path != root / "Dockerfile":
                    files[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
            result["context"] = files
        elif message.startswith("Dockerfile: "):
            result["text"] = message[len("Dockerfile: "):]

    # Whoever builds an image keeps what was built by its hash (alru_cache over ImageBuildEngine.build).
    hash(image)
    docker_builder.click.secho = listen
    docker_builder._get_secret_commands = lambda layers: []
    asyncio.run(docker_builder.DockerImageBuilder()._build_image(image, dry_run=True))
    return result


def prefix_tags(image):
    tags = []
    for n in range(len(image._layers) + 1):
        part = Image._new(base_image=image.base_image, dockerfile=image.dockerfile, _layers=image._layers[:n])
        # An ignore layer further down the chain counts for all layers.
        digest = attempt(part._get_hash_digest)
        if "error" in digest:
            break
        tags.append(digest["ok"])
    return tags


def deployed(image, root, refs):
    """The image as `flyte deploy` sees it (flyte._deploy._build_images)."""
    image = resolve_code_bundle_layer(image, "loaded_modules", pathlib.Path(root or "."))
    if image._ref_name is not None:
        if image._ref_name not in refs:
            raise LookupError(image._ref_name)
        image = image.clone(base_image=refs[image._ref_name])
        if not image._layers:
            return image.base_image
    return image


def describe(image, root, refs):
    try:
        final = deployed(image, root, refs)
    except (LookupError, TypeError):
        final = image
    if isinstance(final, str):
        return {"uri": {"ok": final}, "layers": []}
    uri = attempt(lambda: final.uri)
    # Before 2.1.6 an image did not note whether anything was changed of it.
    changed = getattr(final, "_is_cloned", uri.get("ok") != final.base_image)
    out = {
        "uri": uri,
        "modified": getattr(final, "_is_cloned", None),
        "registry": str(final.registry) if final.registry is not None else None,
        "name": str(final.name) if final.name is not None else None,
        "layers": [type(layer).__name__ for layer in final._layers],
        "validate": attempt(final.validate),
    }
    if not any(type(layer).__name__ == "DockerIgnore" for layer in final._layers):
        out["tags"] = prefix_tags(final)
    if final.dockerfile is None and (changed or final._layers):
        out["dockerfile"] = attempt(lambda: dockerfile(final))
    return out


def deploy(image, refs):
    """What `flyte deploy` says of an image before it builds anything."""
    from flyte._deploy import DeploymentPlan, _build_images

    env = flyte.TaskEnvironment(name="proof", image=image)
    asyncio.run(_build_images(DeploymentPlan(envs={"proof": env}), refs))


def flags(image):
    """What the local builder tells the engine of an image with a Dockerfile of its own: a dry run leaves it out."""
    builder = docker_builder.DockerImageBuilder()
    if image.dockerfile is not None and hasattr(builder, "_output_flags"):
        builder._output_flags(image, True)


def remote(image):
    """What the remote builder says of an image before it asks anybody."""
    from flyte._internal.imagebuild.remote_builder import _get_layers_proto

    _get_layers_proto(image, pathlib.Path(tempfile.mkdtemp()))


def raises(modules):
    """Every place in flyte's modules that raises: module, function, exception, and how its text begins."""
    import ast

    found = []
    base = pathlib.Path(flyte.__file__).parent
    for pattern in modules:
        for path in sorted(base.glob(pattern)):
            name = str(path.relative_to(base))

            def walk(node, inside):
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                        walk(child, [*inside, child.name])
                        continue
                    if isinstance(child, ast.Raise):
                        call = child.exc
                        kind = ast.unparse(call.func) if isinstance(call, ast.Call) else "again"
                        text = ""
                        if isinstance(call, ast.Call) and call.args:
                            for part in ast.walk(call.args[0]):
                                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.strip():
                                    text = part.value
                                    break
                        found.append([name, ".".join(inside), kind.rsplit(".", 1)[-1], text[:60].strip()])
                    elif isinstance(child, ast.Assert):
                        found.append([name, ".".join(inside), "AssertionError", ast.unparse(child.test)[:60]])
                    walk(child, inside)

            walk(ast.parse(path.read_text()), [])
    return found


def signatures():
    """The methods of Image that users call, each with its parameters: name, kind, default."""
    found = {}
    for name, _ in inspect.getmembers(Image, callable):
        if name == "clone" or name.startswith(("from_", "with_")):
            parameters = list(inspect.signature(inspect.unwrap(getattr(Image, name))).parameters.values())
            found[name] = [
                [p.name, p.kind.name, None if p.default is p.empty else repr(p.default)]
                for p in parameters
                if p.name not in ("self", "cls")
            ]
    return found


def alone(path):
    """Waits until no other oracle is at a script for pixi. flyte writes what it made of one to a folder of the system's
    temporary one that is named by its content: two at once read what the other has not written yet."""
    if b"pixi_script" in pathlib.Path(path).read_bytes():
        lock = open(__file__)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock


def serve(request):
    if "signatures" in request:
        return {"signatures": signatures()}, []
    if "raises" in request:
        return {"raises": raises(request["raises"])}, []
    restart_loops()
    folder = request["dir"]
    os.chdir(folder)
    for key in list(os.environ):
        if key.startswith(("FLYTE_IMAGE_", "UCTL", "FLYTECTL")):
            del os.environ[key]
    os.environ["HOME"] = "/nonexistent"
    os.environ.update(request.get("env", {}))
    path = os.path.join(folder, request["file"])
    sys.path.append(os.path.dirname(path))
    lock = alone(path)  # held until this process ends
    stem = os.path.splitext(os.path.basename(path))[0]
    before = set(sys.modules)
    out = {"import_error": None, "images": {}}
    spec = importlib.util.spec_from_file_location(stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[stem] = module
    stdout, sys.stdout = sys.stdout, sys.stderr
    try:
        spec.loader.exec_module(module)
    except SystemExit as e:
        out["import_error"] = {"type": "SystemExit", "message": ""}
    except BaseException as e:
        out["import_error"] = error(e)
    root = request.get("root", folder)
    init = _get_init_config()
    if init is None and root is not None:
        flyte.init(root_dir=pathlib.Path(root))
        init = _get_init_config()
    refs = request.get("refs", {})
    for name, image in names(module):
        out["images"][name] = describe(image, str(init.root_dir) if init else None, refs)
        if request.get("later"):
            asked = {"deploy": lambda: deploy(image, refs), "flags": lambda: flags(image), "remote": lambda: remote(image)}
            for what, ask in asked.items():
                out["images"][name][what] = attempt(ask)
    sys.stdout = stdout
    own = {name for name, value in sys.modules.items() if str(getattr(value, "__file__", "")).startswith(folder)}
    return out, sorted(set(sys.modules) - before - own)


def preload(modules):
    """Imports what an answer needed, so that the next fork finds it."""
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            pass


def main():
    print(json.dumps({"flyte": flyte.__version__, "python": list(sys.version_info[:2])}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            signal.alarm(30)
            try:
                answer = serve(request)
            except BaseException:
                answer = {"oracle": traceback.format_exc()}, []
            try:
                # An address may be whatever from_base was given.
                text = json.dumps(answer, default=str)
            except BaseException:
                text = json.dumps([{"oracle": traceback.format_exc()}, []])
            with os.fdopen(writer, "w") as f:
                f.write(text)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8", errors="surrogateescape") as f:
            text = f.read()
        _, status = os.waitpid(pid, 0)
        answer, modules = json.loads(text) if text else ({"oracle": f"died with status {status}"}, [])
        print(json.dumps(answer), flush=True)
        preload(modules)


if __name__ == "__main__":
    main()
