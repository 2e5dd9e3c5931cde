//! What locks hold, read once and again only when they change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image_manifests::fs::{FileSystem, Overlay};
use image_manifests::locks::{Index, index};

use crate::analysis::Stamp;
use crate::state::{lock, stamp};

/// Indexes of locks.
#[derive(Default)]
pub(crate) struct Locks {
    known: Mutex<HashMap<PathBuf, (Stamp, Arc<Index>)>>,
}

impl Locks {
    /// The packages of a lock; `None` where it cannot be read.
    pub(crate) fn of(&self, path: &Path, fs: &Overlay) -> Option<Arc<Index>> {
        let now = stamp(path, fs);
        if let Some((before, index)) = lock(&self.known).get(path)
            && *before == now
        {
            return Some(Arc::clone(index));
        }
        let text = fs.read_shared(path).ok()?;
        let name = path.file_name()?.to_str()?;
        let index = Arc::new(index(name, &text));
        lock(&self.known).insert(path.to_owned(), (now, Arc::clone(&index)));
        Some(index)
    }
}
