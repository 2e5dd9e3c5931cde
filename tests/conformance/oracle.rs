//! The environment with the real flyte in it, and the oracle that runs there.

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

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?} failed");
}

/// The virtual environment of a release, made if it is not there.
pub fn environment(version: &str) -> PathBuf {
    let folder = cache().join(format!("flyte-{version}"));
    let stamp = folder.join("complete");
    std::fs::create_dir_all(cache()).expect("a cache folder");
    // Tests run side by side: the first one makes the environment, the others wait for it.
    let lock = std::fs::File::create(cache().join(format!("flyte-{version}.lock"))).expect("a lock");
    lock.lock().expect("locked");
    if stamp.exists() {
        return folder;
    }
    let _ = std::fs::remove_dir_all(&folder);
    let python = std::env::var("IMAGE_LSP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    run(Command::new(python).args(["-m", "venv"]).arg(&folder));
    let pip = folder.join("bin/pip");
    run(Command::new(pip)
        .args(["install", "--quiet", "--disable-pip-version-check", "uv"])
        .arg(format!("flyte=={version}")));
    std::fs::write(stamp, "").expect("a stamp");
    folder
}

pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
    pub greeting: Value,
}

impl Oracle {
    pub fn start(environment: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/oracle.py");
        let path =
            format!("{}:{}", environment.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut child = Command::new(environment.join("bin/python"))
            .arg(script)
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the oracle");
        let input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a greeting");
        let greeting = serde_json::from_str(&line).expect("JSON");
        Self { child, input, output, greeting }
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
