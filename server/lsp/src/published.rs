//! What the client was told last, so that it is told again only what is new, and so that a tag that is being worked out
//! can be shown as it was.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use tower_lsp::ls_types::Diagnostic;

use crate::analysis::Analysis;
use crate::state::lock;

/// What the client was told.
#[derive(Default)]
pub(crate) struct Published {
    /// The analysis that a file's diagnostics are of.
    shown: Mutex<HashMap<PathBuf, Weak<Analysis>>>,
    /// The last address that was known of an image, by its file and name.
    uris: Mutex<HashMap<(PathBuf, String), String>>,
    /// What was told of requirements files and projects: the version, and the findings.
    manifests: Mutex<HashMap<PathBuf, (i32, String)>>,
    /// Serialises publishing, so that no older state follows a newer one.
    pub(crate) turn: Mutex<()>,
}

impl Published {
    /// Notes the analysis that a file's diagnostics are of.
    pub(crate) fn note(&self, path: &Path, analysis: &Arc<Analysis>) {
        lock(&self.shown).insert(path.to_owned(), Arc::downgrade(analysis));
    }

    /// Whether a file's diagnostics are of an analysis.
    pub(crate) fn is_shown(&self, path: &Path, analysis: &Arc<Analysis>) -> bool {
        lock(&self.shown).get(path).is_some_and(|shown| std::ptr::eq(shown.as_ptr(), Arc::as_ptr(analysis)))
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

    /// The last address that was known of an image.
    pub(crate) fn last_uri(&self, path: &Path, name: &str) -> Option<String> {
        lock(&self.uris).get(&(path.to_owned(), name.to_owned())).cloned()
    }

    /// Notes what is told of a requirements file or a project; whether that is news.
    pub(crate) fn is_news(&self, path: &Path, version: i32, diagnostics: &[Diagnostic]) -> bool {
        let now = (version, identity(diagnostics));
        lock(&self.manifests).insert(path.to_owned(), now.clone()) != Some(now)
    }

    pub(crate) fn forget(&self, path: &Path) {
        lock(&self.manifests).remove(path);
        lock(&self.shown).remove(path);
        lock(&self.uris).retain(|(p, _), _| p != path);
    }
}

/// What diagnostics are known by: equal ones have equal identities.
pub(crate) fn identity(diagnostics: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(diagnostics).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
