//! Whether the user trusts the workspace: only then is its code executed, and only where somebody asked for it.
//!
//! The client says so: `workspaceTrusted` in its initialization options, and `imageLsp/didChangeWorkspaceTrust`
//! `{trusted}` when it changes. No settings file can.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use image_manifests::fs::{FileSystem, OsFileSystem};
use image_python::inspect::FileReport;
use image_python::notebook::is_notebook;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

use crate::state::State;

/// Tells that the trust is another one.
pub(crate) const DID_CHANGE: &str = "imageLsp/didChangeWorkspaceTrust";
/// The protocol's number for a request that was right and cannot be done.
const REQUEST_FAILED: i64 = -32803;

/// The trust.
#[derive(Default)]
pub(crate) struct Trust(AtomicBool);

impl Trust {
    pub(crate) fn is_given(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes what the client says, in an object's field.
    pub(crate) fn take(&self, said: Option<&Value>) {
        if let Some(trusted) = said.and_then(Value::as_bool) {
            self.0.store(trusted, Ordering::Relaxed);
        }
    }

    /// # Errors
    /// Where the client did not say that the workspace is trusted.
    pub(crate) fn demand(&self) -> Result<()> {
        if self.is_given() {
            return Ok(());
        }
        Err(failed(
            "this workspace is not trusted, and flyte would run its code\ntrust it in the editor, which has to say \
             `workspaceTrusted` in its initialization options",
        ))
    }
}

/// A request that was right and cannot be done.
pub(crate) fn failed(message: &str) -> Error {
    Error { code: ErrorCode::ServerError(REQUEST_FAILED), message: message.to_owned().into(), data: None }
}

/// Whether flyte can run the code of a file: it takes modules, and those as they are on the disk.
///
/// # Errors
/// What has to be saved first, or that it is a notebook.
pub(crate) fn demand_module(report: &FileReport, state: &State) -> Result<()> {
    if is_notebook(&report.path) {
        let shown = report.path.display();
        return Err(failed(&format!(
            "{shown} is a notebook, and flyte runs modules only: define the image in a .py file"
        )));
    }
    let texts = state.documents.texts();
    let is_other = |path: &&Arc<Path>| {
        texts.get(&***path).is_some_and(|open| *OsFileSystem.read_text(path).unwrap_or_default() != **open)
    };
    match report.files.iter().find(is_other) {
        Some(path) => Err(failed(&format!("save {} first: flyte reads it from the disk", path.display()))),
        None => Ok(()),
    }
}
