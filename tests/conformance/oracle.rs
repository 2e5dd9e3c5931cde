//! Environments with the real flyte in them, and the oracle that runs there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

/// A folder for what tests download, outside the tree.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cache"));
    base.join("image-lsp-tests")
}

/// The interpreter that environments are made with, as it is called.
fn called() -> String {
    std::env::var("IMAGE_LSP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// The program behind it.
pub fn python() -> String {
    let mut command = Command::new(called());
    command.args(["-c", "import os, sys; print(os.path.realpath(sys.executable))"]);
    run(&mut command).unwrap_or_else(|message| panic!("{message}")).trim().to_owned()
}

/// Runs a command; what it printed if it failed.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?} failed:\n{}{}", text(&output.stdout), text(&output.stderr)))
}

/// A folder of the cache that `make` fills if it is not there. Tests run side by side: the first one makes it, the
/// others wait for it.
fn made(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let folder = cache().join(name);
    let stamp = folder.join("complete");
    std::fs::create_dir_all(cache()).map_err(|e| e.to_string())?;
    let lock = std::fs::File::create(cache().join(format!("{name}.lock"))).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    if !stamp.exists() {
        let _ = std::fs::remove_dir_all(&folder);
        make(&folder)?;
        std::fs::write(stamp, "").map_err(|e| e.to_string())?;
    }
    Ok(folder)
}

/// An environment with uv and pip, which makes the others.
pub fn tools() -> PathBuf {
    let made = made("tools", |folder| {
        run(Command::new(python()).args(["-m", "venv"]).arg(folder))?;
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "uv"])).map(|_| ())
    });
    made.unwrap_or_else(|message| panic!("{message}"))
}

/// The environment of a release, made if it is not there.
///
/// # Errors
/// What the tools said, where the release cannot be installed with this interpreter.
pub fn try_environment(version: &str) -> Result<PathBuf, String> {
    let uv = tools().join("bin/uv");
    let called = called();
    let suffix = if called == "python3" { String::new() } else { format!("-{}", called.replace('/', "_")) };
    made(&format!("flyte-{version}{suffix}"), |folder| {
        run(Command::new(&uv).args(["venv", "--quiet", "--python", &python()]).arg(folder))?;
        let program = folder.join("bin/python");
        let mut install = Command::new(&uv);
        install.args(["pip", "install", "--quiet", "--prerelease", "allow", "--python"]);
        run(install.arg(program).arg(format!("flyte=={version}"))).map(|_| ())
    })
}

/// The environment of a release, made if it is not there.
pub fn environment(version: &str) -> PathBuf {
    try_environment(version).unwrap_or_else(|message| panic!("{message}"))
}

/// All releases of flyte on the package index, the oldest first.
pub fn published() -> Vec<String> {
    let mut command = Command::new(tools().join("bin/pip"));
    command.args(["index", "versions", "flyte", "--pre", "--disable-pip-version-check"]);
    let output = run(&mut command).unwrap_or_else(|message| panic!("{message}"));
    let line = output.lines().find_map(|l| l.strip_prefix("Available versions: ")).expect("versions");
    let mut versions: Vec<String> = line.split(", ").map(str::to_owned).collect();
    versions.reverse();
    versions
}

pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
    pub greeting: Value,
}

impl Oracle {
    /// # Panics
    /// Where flyte cannot be imported.
    pub fn start(environment: &Path) -> Self {
        Self::try_start(environment).unwrap_or_else(|| panic!("no oracle in {}", environment.display()))
    }

    /// Starts the oracle; `None` where flyte cannot be imported.
    pub fn try_start(environment: &Path) -> Option<Self> {
        Self::start_with(environment, &BTreeMap::new())
    }

    /// The same with environment variables of its own.
    pub fn start_with(environment: &Path, variables: &BTreeMap<String, String>) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/oracle.py");
        let folders = [environment.join("bin"), tools().join("bin")].map(|f| f.display().to_string());
        let path = format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap_or_default());
        let mut child = Command::new(environment.join("bin/python"))
            .arg(script)
            .env("PATH", path)
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let input = child.stdin.take()?;
        let mut output = BufReader::new(child.stdout.take()?);
        let mut line = String::new();
        output.read_line(&mut line).ok()?;
        let greeting = serde_json::from_str(&line).ok()?;
        Some(Self { child, input, output, greeting })
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.input, "{request}").expect("written");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(answer.get("oracle").is_none(), "the oracle failed: {answer}\non {request}");
        answer
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
