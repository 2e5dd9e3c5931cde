//! `workspace/didChangeWatchedFiles`: the files outside of the editor that images and facts rest on.

use tower_lsp::ls_types::{
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, Registration,
};

/// Everything that images are made from, that says which Python and which flyte a project uses, and how flyte is
/// configured; and the last commit.
const PATTERNS: [&str; 10] = [
    "**/*.py",
    "**/pyvenv.cfg",
    "**/.python-version",
    "**/flyte-*.dist-info/{METADATA,RECORD}",
    "**/site-packages/flyte/_version.py",
    "**/*.{lock,txt,toml,ipynb}",
    "**/Dockerfile*",
    "**/.dockerignore",
    "**/config.yaml",
    "**/.git/{HEAD,logs/HEAD}",
];

/// What the client is asked to watch.
pub(crate) fn registration() -> Registration {
    let watchers = PATTERNS
        .iter()
        .map(|pattern| FileSystemWatcher {
            glob_pattern: GlobPattern::String((*pattern).to_owned()),
            kind: None,
        })
        .collect();
    Registration {
        id: "files".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: serde_json::to_value(DidChangeWatchedFilesRegistrationOptions { watchers }).ok(),
    }
}

/// A registration for changes of settings.
pub(crate) fn configuration() -> Registration {
    Registration {
        id: "settings".to_owned(),
        method: "workspace/didChangeConfiguration".to_owned(),
        register_options: Some(serde_json::json!({ "section": "imageLsp" })),
    }
}
