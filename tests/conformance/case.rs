//! Hand-written cases: small projects in text files, laid out in a folder before they are run.
//!
//! ```text
//! == name-of-the-case
//! # the fact it is about
//! @ file src/a.txt: content with \n for line ends
//! @ link src/b -> a.txt
//! @ dir empty
//! @ env NAME=value
//! @ root none            flyte is not initialised; or a folder
//! @ order                depends on the order of the operating system: only compared live
//! @ unknown NAME         an image that must come out unknown
//! import flyte           the rest is the module m.py
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A project with the module `m.py`.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// The folder below which it is laid out.
    pub base: PathBuf,
    pub name: String,
    pub fact: String,
    pub files: Vec<(String, Entry)>,
    pub env: BTreeMap<String, String>,
    pub root: Option<String>,
    pub by_order: bool,
    pub unknown: Vec<String>,
    pub python: String,
}

#[derive(Debug, Clone)]
pub enum Entry {
    File(String),
    Link(String),
    Dir,
}

/// Where cases are laid out: always the same folder, since absolute paths are part of Dockerfiles.
pub const BASE: &str = "/tmp/image-lsp-cases";

/// Keeps other runs on this machine out of the folder until it is dropped.
pub fn lock(what: &str) -> std::fs::File {
    std::fs::create_dir_all(BASE).expect("a folder");
    let file = std::fs::File::create(Path::new(BASE).join(format!("{what}.lock"))).expect("a lock");
    file.lock().expect("locked");
    file
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
}

/// Reads all cases of a folder, in order of file name.
pub fn load(folder: &Path) -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the cases").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let mut cases: Vec<Case> = Vec::new();
    for file in files {
        let stem = file.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned();
        for line in std::fs::read_to_string(&file).expect("readable").lines() {
            if let Some(name) = line.strip_prefix("== ") {
                cases.push(Case { name: format!("{stem}/{name}"), base: BASE.into(), ..Case::default() });
                continue;
            }
            let Some(case) = cases.last_mut() else { continue };
            if let Some(directive) = line.strip_prefix("@ ") {
                case.directive(directive);
            } else if line.starts_with("# ") && case.fact.is_empty() && case.python.is_empty() {
                line[2..].clone_into(&mut case.fact);
            } else {
                case.python.push_str(line);
                case.python.push('\n');
            }
        }
    }
    for case in &mut cases {
        if !case.python.contains("import flyte") {
            case.python = format!("import flyte\nfrom pathlib import Path\n{}", case.python);
        }
    }
    cases
}

impl Case {
    fn directive(&mut self, text: &str) {
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        match kind {
            "file" => {
                let (path, content) = rest.split_once(':').unwrap_or((rest, ""));
                let content = unescape(content.strip_prefix(' ').unwrap_or(content));
                self.files.push((path.to_owned(), Entry::File(content)));
            }
            "link" => {
                let (path, target) = rest.split_once(" -> ").expect("a target");
                self.files.push((path.to_owned(), Entry::Link(target.to_owned())));
            }
            "dir" => self.files.push((rest.to_owned(), Entry::Dir)),
            "env" => {
                let (name, value) = rest.split_once('=').expect("a value");
                self.env.insert(name.to_owned(), value.to_owned());
            }
            "root" => self.root = Some(rest.to_owned()),
            "order" => self.by_order = true,
            "unknown" => self.unknown.push(rest.to_owned()),
            other => panic!("{}: no directive {other}", self.name),
        }
    }

    pub fn dir(&self) -> PathBuf {
        self.base.join(&self.name)
    }

    /// Writes the project to its folder, anew.
    pub fn lay_out(&self) {
        let dir = self.dir();
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a folder");
        for (path, entry) in &self.files {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            match entry {
                Entry::File(content) => std::fs::write(&path, content).expect("written"),
                Entry::Link(target) => std::os::unix::fs::symlink(target, &path).expect("linked"),
                Entry::Dir => std::fs::create_dir_all(&path).expect("a folder"),
            }
        }
        if !self.files.iter().any(|(path, _)| path == "m.py") {
            std::fs::write(dir.join("m.py"), &self.python).expect("written");
        }
    }

    /// flyte's root_dir for this case; `None` when it is not initialised.
    pub fn root_dir(&self) -> Option<String> {
        match self.root.as_deref() {
            Some("none") => None,
            Some(root) => Some(self.dir().join(root).display().to_string()),
            None => Some(self.dir().display().to_string()),
        }
    }

    /// What the oracle is asked.
    pub fn request(&self) -> serde_json::Value {
        serde_json::json!({ "dir": self.dir(), "file": "m.py", "root": self.root_dir(), "env": self.env })
    }
}
