//! A project with the real flyte, and the program in it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::control_plane::ControlPlane;
use crate::oracle;

/// The release that the tests run.
pub const RELEASE: &str = "2.12.1";
/// How long a command may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with files, a home and a folder for temporary files of its own.
pub struct Project {
    folder: tempfile::TempDir,
    pub python: PathBuf,
}

impl Project {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["home", "tmp", "p"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let project = Self { folder, python: oracle::environment(RELEASE) };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// With a configuration that leads to a backend.
    pub fn on(plane: &ControlPlane, files: &[(&str, &str)]) -> Self {
        let project = Self::new(files);
        let config = format!(
            "admin:\n  endpoint: localhost:{}\n  insecure: true\ntask:\n  org: acme\n  project: flytesnacks\n  domain: \
             development\nimage:\n  builder: remote\n",
            plane.port
        );
        project.write("config.yaml", &config);
        project
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("p")
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path().join(path), text).expect("written");
    }

    /// The program with arguments, in the project.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-lsp"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.args(arguments).current_dir(self.path()).env_clear().env("PATH", path);
        command.env("HOME", self.folder.path().join("home")).env("TMPDIR", self.temporary());
        command.env("VIRTUAL_ENV", &self.python);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// An environment with a flyte that is none of the package index: its apt layers are hashed otherwise.
    pub fn changed_flyte(&self) -> PathBuf {
        let environment = self.folder.path().join("environment");
        // Neither a link nor a file that others share is to be changed.
        let source = std::fs::canonicalize(&self.python).expect("a folder");
        let copied = Command::new("cp").arg("-r").arg(source).arg(&environment).status();
        assert!(copied.expect("cp").success());
        let found = std::fs::read_dir(environment.join("lib")).expect("a folder").flatten();
        let library = found.map(|e| e.path()).find(|p| p.join("site-packages").is_dir()).expect("packages");
        let path = library.join("site-packages/flyte/_image.py");
        let text = std::fs::read_to_string(&path).expect("a file");
        let place = text.find("class AptPackages").expect("the layer");
        let hash = "hash_input = \"\".join(self.packages)";
        let at = place + text[place..].find(hash).expect("what is hashed");
        let changed = format!(
            "{}hash_input = \"changed\" + \"\".join(self.packages){}",
            &text[..at],
            &text[at + hash.len()..]
        );
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, changed).expect("written");
        environment
    }

    pub fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let child = self.command(arguments).spawn().expect("started");
        let id = child.id();
        let began = Instant::now();
        let output = child.wait_with_output().expect("output");
        assert!(began.elapsed() < PATIENCE, "it hangs: {output:?}");
        self.assert_nothing_is_left(id);
        output
    }

    /// No process of the project is there any more, and no file for temporary use.
    pub fn assert_nothing_is_left(&self, server: u32) {
        let began = Instant::now();
        loop {
            let processes = self.processes(server);
            let files: Vec<_> = std::fs::read_dir(self.temporary()).expect("a folder").flatten().collect();
            if processes.is_empty() && files.is_empty() {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "left: {processes:?} {files:?}");
            std::thread::yield_now();
        }
    }

    /// The processes that work for this project, zombies among them; those in its folder, by their command line.
    pub fn processes(&self, server: u32) -> Vec<String> {
        let mark = self.folder.path().display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
            let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let environment = text(read("environ"));
            // The fourth field is the parent, after a name that may hold anything: zombies have no environment.
            let status = text(read("stat"));
            let fields = status.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
            let is_child = fields.split_whitespace().nth(1) == Some(server.to_string().as_str());
            if id != server && id != std::process::id() && (is_child || environment.contains(&mark)) {
                found.push(format!("{id} {}", text(read("cmdline")).chars().take(60).collect::<String>()));
            }
        }
        found
    }
}

/// The events on standard output.
pub fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The last of them, with some of its fields.
pub fn last(output: &Output) -> Value {
    events(output).pop().unwrap_or_else(|| panic!("{output:?}"))
}

/// Interrupts a program as a terminal does.
pub fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().expect("kill");
    assert!(sent.success());
}
