//! The bytes that a tag is the MD5 of.
//!
//! There are no separators and no type tags between the parts; a folder contributes each file's content and its
//! path without slashes, files sorted within a folder, folders in the order of the operating system.

use std::io::{self, Read};

use image_manifests::fs::Kind;
use image_manifests::pytext;
use md5::{Digest as _, Md5};

use crate::error::{Cause, Raised, Res, Stop, unknown};
use crate::ignore::Ignore;
use crate::path::PyPath;
use crate::world::World;

/// Folders deeper than this are not followed: no real tree is, and a walk must end.
const MAX_DEPTH: usize = 256;

/// The MD5 in the making.
#[derive(Debug, Clone, Default)]
pub struct Digest {
    md5: Md5,
}

/// The exception that Python raises for a failed system call on a path.
#[must_use]
pub fn os_error(error: &io::Error, path: &str) -> Stop {
    let (exception, number, text) = match error.kind() {
        io::ErrorKind::NotFound => ("FileNotFoundError", 2, "No such file or directory"),
        io::ErrorKind::IsADirectory => ("IsADirectoryError", 21, "Is a directory"),
        io::ErrorKind::NotADirectory => ("NotADirectoryError", 20, "Not a directory"),
        io::ErrorKind::PermissionDenied => ("PermissionError", 13, "Permission denied"),
        _ => {
            let reason = format!("{path} cannot be read: {error}");
            return Stop::Unknown(std::sync::Arc::new(crate::error::Unknown { reason, site: None }));
        }
    };
    let path_of = || path.to_owned();
    let cause = match number {
        2 => Cause::MissingPath { path: path_of() },
        20 | 21 => Cause::WrongKind { path: path_of() },
        _ => Cause::Other,
    };
    let message = format!("[Errno {number}] {text}: {}", pytext::repr_str(path));
    Stop::Raise(Raised { exception, message, cause })
}

/// Whether a folder, or one in it, has several sub-folders that count. Looks at a thousand folders at most.
pub(crate) fn has_several_folders(root: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool {
    let mut pending = vec![root.clone()];
    let mut looked = 0;
    while let Some(folder) = pending.pop() {
        looked += 1;
        let Ok(entries) = world.fs.read_dir(&world.resolve(&folder)) else { continue };
        let inner: Vec<PyPath> = entries
            .into_iter()
            .filter(|e| e.is_dir && !e.is_symlink)
            .filter_map(|e| Some(folder.join(&e.name?)))
            .filter(|path| !ignore.is_some_and(|i| i.excludes(path)))
            .collect();
        if inner.len() > 1 {
            return true;
        }
        if looked < 1000 {
            pending.extend(inner);
        }
    }
    false
}

impl Digest {
    /// Adds bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.md5.update(bytes);
    }

    /// The digest so far, as 32 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bytes = self.md5.clone().finalize();
        let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
        digits.map(|d| char::from(DIGITS[usize::from(d)])).collect()
    }

    /// Adds a file's content. Source: flyte 2.12.1, `filehash_update`.
    ///
    /// # Errors
    /// As Python's `open`.
    pub fn file(&mut self, path: &PyPath, world: &World<'_>) -> Res<()> {
        *self = world.env.folders.get().file(self.clone(), path, world)?;
        Ok(())
    }

    /// Reads a file and adds its content.
    ///
    /// # Errors
    /// As [`Digest::file`].
    pub fn content(&mut self, path: &PyPath, world: &World<'_>) -> Res<()> {
        let full = world.resolve(path);
        if world.fs.metadata(&full).is_ok_and(|m| m.kind == Kind::Other) {
            return unknown(format!("{path} is no regular file"));
        }
        let failed = |e: io::Error| os_error(&e, path.as_str());
        let mut reader = world.fs.open(&full).map_err(failed)?;
        let mut buffer = vec![0_u8; 64 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => self.md5.update(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
    }

    /// Adds a file or a folder. Source: flyte 2.12.1, `update_hasher_for_source`.
    ///
    /// # Errors
    /// As Python's `open`; unknown for names that are no UTF-8.
    pub fn source(&mut self, source: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> Res<()> {
        if !world.behaviours().source_file_in_tag && !world.is_dir(source) {
            return Ok(());
        }
        self.listed_source(source, ignore, world)
    }

    /// Adds a file or a folder of a list: there, single files have always counted.
    ///
    /// # Errors
    /// As [`Digest::source`].
    pub fn listed_source(&mut self, source: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> Res<()> {
        *self = world.env.folders.get().digest(self.clone(), source, ignore, world)?;
        Ok(())
    }

    /// Adds a file of a folder: its content, then its name.
    ///
    /// # Errors
    /// As [`Digest::file`].
    pub fn source_content(&mut self, path: &PyPath, name: &str, world: &World<'_>) -> Res<()> {
        self.content(path, world)?;
        self.update(name);
        Ok(())
    }
}

/// A file of a folder that is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it is.
    pub path: PyPath,
    /// Its path below the folder, without slashes.
    pub name: String,
}

/// The files of a folder in the order in which they are hashed; of a file itself. Source: flyte 2.12.1,
/// `update_hasher_for_source`.
///
/// # Errors
/// Unknown for names that are no UTF-8, and for folders nested too deeply.
pub fn listing(folder: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> Res<Vec<SourceFile>> {
    if !world.is_dir(folder) {
        // `os.path.basename` of the text.
        let name = folder.as_str().rsplit('/').next().unwrap_or_default().to_owned();
        let file = SourceFile { path: folder.clone(), name };
        return Ok(if counts(folder, ignore, world) { vec![file] } else { Vec::new() });
    }
    let mut listing = Listing { files: Vec::new(), below: Vec::new(), ignore, world };
    listing.folder(folder)?;
    Ok(listing.files)
}

/// Whether a file is hashed.
fn counts(path: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool {
    let Ok(metadata) = world.fs.metadata(&world.resolve(path)) else { return false };
    metadata.kind != Kind::Socket && !ignore.is_some_and(|i| i.excludes(path))
}

struct Listing<'a, 'w> {
    files: Vec<SourceFile>,
    below: Vec<String>,
    ignore: Option<&'a Ignore>,
    world: &'a World<'w>,
}

impl Listing<'_, '_> {
    fn folder(&mut self, folder: &PyPath) -> Res<()> {
        if self.below.len() > MAX_DEPTH {
            return unknown(format!("{folder} is nested too deeply"));
        }
        // Like os.walk, an unreadable folder counts as empty.
        let Ok(entries) = self.world.fs.read_dir(&self.world.resolve(folder)) else { return Ok(()) };
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in entries {
            let Some(name) = entry.name else {
                return unknown(format!("{folder} holds a name that is not UTF-8"));
            };
            if entry.is_dir {
                folders.push((name, entry.is_symlink));
            } else {
                files.push(name);
            }
        }
        files.sort_unstable();
        let prefix = self.below.concat();
        for name in &files {
            let path = folder.join(name);
            if counts(&path, self.ignore, self.world) {
                self.files.push(SourceFile { path, name: format!("{prefix}{name}") });
            }
        }
        for (name, is_symlink) in folders {
            let path = folder.join(&name);
            if is_symlink || self.ignore.is_some_and(|i| i.excludes(&path)) {
                continue;
            }
            self.below.push(name);
            self.folder(&path)?;
            self.below.pop();
        }
        Ok(())
    }
}
