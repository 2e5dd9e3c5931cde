"""Runs a command beside a docker engine with base images, in namespaces of their own: `builds serve COMMAND…`. The
command finds the engine by DOCKER_HOST; its status is ours."""

import os
import shutil
import subprocess
import sys

from lab import NO_NETWORK, WORK, Engine, Registry, prepare

prepare()
engine = Engine("main").start().load_bases()
registry = Registry("open", 5000)
own = {"DOCKER_HOST": engine.host, "DOCKER_CONFIG": str(WORK / "config"), **NO_NETWORK}
status = subprocess.run(sys.argv[1:], env={**os.environ, **own}).returncode
engine.stop()
registry.process.terminate()
shutil.rmtree(WORK, ignore_errors=True)
sys.exit(status)
