//! Which files of a folder can have images.
//!
//! The walk goes to the disk itself, not through the file system's trait: it honours git's ignore files with a library
//! that does.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ignore::WalkState;
use image_model::methods::METHODS;
use memchr::memmem;

/// Folders of packages that are not the project's own. One that is named is walked.
const NOT_OWN: &[&str] = &["site-packages", "dist-packages", "node_modules", "venv", "__pypackages__"];

/// The files below a folder, as git sees them, in no order; and what could not be read.
pub fn walk(folder: &Path, wanted: &(impl Fn(&Path) -> bool + Sync)) -> (Vec<PathBuf>, Vec<String>) {
    let found: Mutex<(Vec<PathBuf>, Vec<String>)> = Mutex::default();
    let is_other = |entry: &ignore::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_str().is_some_and(|name| NOT_OWN.contains(&name))
    };
    let walker = ignore::WalkBuilder::new(folder)
        .require_git(false)
        .filter_entry(move |e| !is_other(e))
        .build_parallel();
    walker.run(|| {
        Box::new(|entry| {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match entry {
                Ok(entry) if wanted(entry.path()) && entry.file_type().is_some_and(|t| t.is_file()) => {
                    found.0.push(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => found.1.push(error.to_string()),
            }
            WalkState::Continue
        })
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a file can have images: it names flyte, or calls what an image that it imports has.
#[must_use]
pub fn may_have_images(bytes: &[u8]) -> bool {
    let has = |sign: &[u8]| memmem::find(bytes, sign).is_some();
    if has(b"flyte") || has(b"Image.from_") {
        return true;
    }
    // Other libraries have such methods, too: the name goes on as flyte's do, as far as a slip of the pen leaves it.
    let layers = || METHODS.iter().filter_map(|m| m.name.strip_prefix("with_")?.get(..3));
    let begins = |rest: &[u8]| layers().any(|name| rest.starts_with(name.as_bytes()));
    let adds_layer = memmem::find_iter(bytes, b".with_").any(|at| begins(&bytes[at + 6..]));
    adds_layer || (has(b".clone(") && has(b"mage"))
}
