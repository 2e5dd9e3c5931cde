//! Whether the user trusts the workspace: only then is its code executed, and only where somebody asked for it.
//!
//! The client says so: `workspaceTrusted` in its initialization options, and `imageLsp/didChangeWorkspaceTrust`
//! `{trusted}` when it changes. No settings file can.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use image_manifests::fs::{FileSystem, OsFileSystem};
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

/// The first of some files whose text in the editor is another one than on the disk: flyte reads the disk.
pub(crate) fn unsaved(files: impl IntoIterator<Item = impl AsRef<Path>>, state: &State) -> Option<PathBuf> {
    let texts = state.documents.texts();
    let is_other = |path: &Path| {
        let open = texts.get(path)?;
        let saved = OsFileSystem.read_text(path).unwrap_or_default();
        (*saved != **open).then(|| path.to_owned())
    };
    files.into_iter().find_map(|path| is_other(path.as_ref()))
}
