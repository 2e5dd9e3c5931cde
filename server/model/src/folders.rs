//! What is asked of whole folders and large files: the digest of files, and which files a build sees.
//!
//! Both read as much as the folder holds, so that somebody who answers while a person types keeps the answers, and says
//! that a folder is being read where there is none yet ([`is_being_read`]). Everybody else reads ([`Direct`]).

use std::fmt;
use std::sync::Arc;

use crate::context::{self, Content, Item};
use crate::error::{Res, Stop, Unknown};
use crate::hash::{self, Digest, SourceFile};
use crate::ignore::Ignore;
use crate::path::PyPath;
use crate::world::World;

/// The files of a part of a context: where each goes, where it comes from, and how many bytes it has.
pub type Files = Vec<(String, Content, u64)>;

/// Answers about whole folders.
pub trait Folders: Send + Sync {
    /// A digest after the files of a folder, or a file, were added to it.
    ///
    /// # Errors
    /// As Python's `open`; unknown where the folder is being read.
    fn digest(
        &self,
        before: Digest,
        folder: &PyPath,
        ignore: Option<&Ignore>,
        world: &World<'_>,
    ) -> Res<Digest>;

    /// A digest after a single file was added to it.
    ///
    /// # Errors
    /// As Python's `open`.
    fn file(&self, before: Digest, path: &PyPath, world: &World<'_>) -> Res<Digest> {
        let mut digest = before;
        digest.content(path, world)?;
        Ok(digest)
    }

    /// The files of a part of a context.
    ///
    /// # Errors
    /// As [`context::files`]; unknown where the folder is being read.
    fn files(&self, item: &Item, world: &World<'_>) -> Res<Arc<Files>>;

    /// Whether a folder, or one in it, has several sub-folders that count. `false` where the folder is being read.
    fn has_several_folders(&self, root: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool;
}

/// Reads the folders.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direct;

impl Folders for Direct {
    fn digest(
        &self,
        before: Digest,
        folder: &PyPath,
        ignore: Option<&Ignore>,
        world: &World<'_>,
    ) -> Res<Digest> {
        let mut digest = before;
        for SourceFile { path, name } in hash::listing(folder, ignore, world)? {
            digest.source_content(&path, &name, world)?;
        }
        Ok(digest)
    }

    fn files(&self, item: &Item, world: &World<'_>) -> Res<Arc<Files>> {
        let size = |content: &Content| match content {
            Content::File(path) => world.fs.metadata(&world.resolve(path)).map_or(0, |m| m.len),
            Content::Text(text) => text.len() as u64,
        };
        let files = context::files(std::slice::from_ref(item), world)?;
        Ok(Arc::new(
            files
                .into_iter()
                .map(|(target, content)| {
                    let size = size(&content);
                    (target, content, size)
                })
                .collect(),
        ))
    }

    fn has_several_folders(&self, root: &PyPath, ignore: Option<&Ignore>, world: &World<'_>) -> bool {
        hash::has_several_folders(root, ignore, world)
    }
}

/// Who is asked about folders.
#[derive(Clone)]
pub struct Handle(Arc<dyn Folders>);

impl Handle {
    /// Asks somebody.
    #[must_use]
    pub fn new(folders: Arc<dyn Folders>) -> Self {
        Self(folders)
    }

    /// Who it is.
    #[must_use]
    pub fn get(&self) -> &dyn Folders {
        &*self.0
    }
}

impl Default for Handle {
    fn default() -> Self {
        Self(Arc::new(Direct))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

const BEING_READ: &str = " is being read";

/// The answer of somebody who has not read a folder yet.
#[must_use]
pub fn being_read(folder: &PyPath) -> Stop {
    Stop::Unknown(Arc::new(Unknown { reason: format!("{folder}{BEING_READ}"), site: None }))
}

/// Whether something is only not known yet.
#[must_use]
pub fn is_being_read(unknown: &Unknown) -> bool {
    unknown.reason.ends_with(BEING_READ)
}
