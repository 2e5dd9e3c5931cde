//! What the client was told last, so that it is told again only what is new, and so that a tag that is being worked out
//! can be shown as it was.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use image_model::release::Release;
use tower_lsp::ls_types::Diagnostic;

use crate::analysis::Analysis;
use crate::state::lock;

/// What the client was told.
#[derive(Default)]
pub(crate) struct Published {
    /// The release of flyte that a file's diagnostics rest on.
    releases: Mutex<HashMap<PathBuf, Release>>,
    /// The last address that was known of an image, by its file and name.
    uris: Mutex<HashMap<(PathBuf, String), String>>,
    /// Serialises publishing, so that no older state follows a newer one.
    pub(crate) turn: Mutex<()>,
}

impl Published {
    /// Notes what published diagnostics rest on.
    pub(crate) fn note(&self, path: &Path, analysis: &Analysis) {
        lock(&self.releases).insert(path.to_owned(), analysis.facts.environment.release.clone());
    }

    /// Notes the addresses that an analysis knows.
    pub(crate) fn note_uris(&self, path: &Path, analysis: &Analysis) {
        let mut uris = lock(&self.uris);
        for image in &analysis.report.images {
            let uri = image.variants.first().and_then(|v| v.uri.clone());
            if let (Some(name), Some(uri)) = (image.names.first(), uri) {
                uris.insert((path.to_owned(), name.clone()), uri);
            }
        }
    }

    /// Whether what was told rests on another flyte than an analysis.
    pub(crate) fn is_outdated(&self, path: &Path, analysis: &Analysis) -> bool {
        lock(&self.releases).get(path).is_some_and(|r| *r != analysis.facts.environment.release)
    }

    /// The last address that was known of an image.
    pub(crate) fn last_uri(&self, path: &Path, name: &str) -> Option<String> {
        lock(&self.uris).get(&(path.to_owned(), name.to_owned())).cloned()
    }

    pub(crate) fn forget(&self, path: &Path) {
        lock(&self.releases).remove(path);
        lock(&self.uris).retain(|(p, _), _| p != path);
    }
}

/// What diagnostics are known by: equal ones have equal identities.
pub(crate) fn identity(diagnostics: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(diagnostics).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
