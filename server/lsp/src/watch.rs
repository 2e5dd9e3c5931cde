//! `workspace/didChangeWatchedFiles`: the files outside of the editor that facts rest on.

use tower_lsp::ls_types::{
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, Registration,
};

/// Everything that says which Python and which flyte a project uses, and how flyte is configured.
const PATTERNS: [&str; 9] = [
    "**/pyvenv.cfg",
    "**/.python-version",
    "**/flyte-*.dist-info/{METADATA,RECORD}",
    "**/site-packages/flyte/_version.py",
    "**/{uv,poetry,pixi}.lock",
    "**/*.py.lock",
    "**/{.,}image-lsp.toml",
    "**/{pyproject,pixi}.toml",
    "**/{requirements*.txt,.dockerignore,config.yaml}",
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
        id: "facts".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: serde_json::to_value(DidChangeWatchedFilesRegistrationOptions { watchers }).ok(),
    }
}
