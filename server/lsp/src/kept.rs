//! Files that are read once, and again only when they changed: locks and requirements files, which can be large. Who
//! gets the same text knows that it is the same.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image_manifests::fs::{DirEntry, FileSystem, Metadata, OsFileSystem};

use crate::state::lock;

/// Bytes from which on a text is kept.
const LARGE: u64 = 4 << 10;
/// Texts that are kept.
const TEXTS: usize = 64;
/// Bytes that are kept in all, and above which a text is not kept.
const BYTES: usize = 32 << 20;

/// The machine's file system.
#[derive(Default)]
pub(crate) struct Kept {
    texts: Mutex<HashMap<PathBuf, (Metadata, Arc<str>)>>,
}

impl FileSystem for Kept {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        OsFileSystem.open(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        OsFileSystem.metadata(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        OsFileSystem.read_dir(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        OsFileSystem.canonicalize(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        OsFileSystem.read_link(path)
    }

    fn read_shared(&self, path: &Path) -> io::Result<Arc<str>> {
        let before = OsFileSystem.metadata(path)?;
        if before.len < LARGE || before.len > BYTES as u64 || before.modified.is_none() {
            return OsFileSystem.read_shared(path);
        }
        if let Some((seen, text)) = lock(&self.texts).get(path)
            && *seen == before
        {
            return Ok(Arc::clone(text));
        }
        let text = OsFileSystem.read_shared(path)?;
        // One that changed meanwhile is read again.
        if OsFileSystem.metadata(path).is_ok_and(|after| after == before) {
            let mut texts = lock(&self.texts);
            let held: usize = texts.values().map(|(_, text)| text.len()).sum();
            if texts.len() >= TEXTS || held + text.len() > BYTES {
                texts.clear();
            }
            texts.insert(path.to_owned(), (before, Arc::clone(&text)));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_text_is_read_once_until_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("uv.lock");
        let kept = Kept::default();
        std::fs::write(&path, "a".repeat(100_000)).expect("written");
        let first = kept.read_shared(&path).expect("read");
        assert!(Arc::ptr_eq(&first, &kept.read_shared(&path).expect("read")));
        std::fs::write(&path, "b".repeat(100_001)).expect("written");
        assert!(kept.read_shared(&path).expect("read").starts_with('b'));
        std::fs::write(&path, "c").expect("written");
        assert_eq!(&*kept.read_shared(&path).expect("read"), "c");
    }
}
