"""Helix in a terminal: findings, a hover, a fix, and the file as it is saved. `test.py HELIX RUNTIME PROGRAM`."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

helix, runtime, program = sys.argv[1:]
HERE = pathlib.Path(__file__).parent
CONFIGURATION = HERE.parents[2] / "editors/helix/languages.toml"
WAIT = 30


class Terminal:
    def __init__(self, command, environment, folder):
        self.server = f"image-lsp-{os.getpid()}"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "170", "-y", "30", "-c", folder, "--", "env", *environment, *command)

    def tmux(self, *arguments, check=True):
        done = subprocess.run(["tmux", "-L", self.server, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", check=False)

    def shows(self, text, gesture=None):
        """Waits for a text; a gesture is made again where its effect does not come."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if gesture:
                gesture()
            soon = min(end, time.monotonic() + (3 if gesture else WAIT))
            while time.monotonic() < soon:
                if text in self.screen():
                    return
                time.sleep(0.05)
        raise AssertionError(f"{text!r} does not come:\n{self.screen()}")

    def keys(self, *keys):
        for key in keys:
            self.tmux("send-keys", key)
            # An escape and a key behind it would be a chord.
            if key == "Escape":
                time.sleep(0.1)

    def end(self):
        self.tmux("kill-server", check=False)


work = pathlib.Path(tempfile.mkdtemp())
try:
    shutil.copytree(HERE.parent / "workspace", work / "workspace")
    (work / "config/helix").mkdir(parents=True)
    shutil.copy(CONFIGURATION, work / "config/helix/languages.toml")
    (work / "bin").mkdir()
    (work / "bin/image-lsp").symlink_to(program)
    environment = [f"XDG_CONFIG_HOME={work}/config", f"XDG_CACHE_HOME={work}/cache", f"HELIX_RUNTIME={runtime}", f"PATH={work}/bin:{os.environ['PATH']}", "TERM=xterm-256color"]
    health = subprocess.run([helix, "--health", "python"], env=dict(e.split("=", 1) for e in environment), capture_output=True, text=True, check=True)
    assert "image-lsp" in health.stdout, health.stdout
    terminal = Terminal([helix, "mistake.py"], environment, work / "workspace")
    try:
        terminal.shows("with_pip_packages([")
        terminal.shows("●")
        print("  ok   findings", flush=True)
        at_list = lambda: terminal.keys("Escape", "Escape", ":", "3", "Enter", "g", "s", "f", "[")
        terminal.shows("Unpack the list", lambda: (at_list(), terminal.keys("Space", "a")))
        terminal.keys("Enter")
        terminal.shows('with_pip_packages("httpx==0.27.0"')
        print("  ok   a fix", flush=True)
        terminal.shows("apt-get", lambda: terminal.keys("Escape", "Escape", ":", "4", "Enter", "g", "s", "f", "_", "Space", "k"))
        print("  ok   a hover", flush=True)
        terminal.keys("Escape", "Escape", ":", "w", "q", "Enter")
        end = time.monotonic() + WAIT
        while 'with_pip_packages("httpx==0.27.0", "pandas==2.2.0")' not in (work / "workspace/mistake.py").read_text():
            assert time.monotonic() < end, terminal.screen()
            time.sleep(0.05)
        print("  ok   saved", flush=True)
    finally:
        terminal.end()
finally:
    shutil.rmtree(work)
