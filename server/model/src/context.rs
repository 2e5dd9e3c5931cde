//! The build context: which files a build sees, and where.

use image_manifests::fs::Kind;
use image_manifests::pytext;

use crate::error::{Cause, Res, raise, raise_for, unknown};
use crate::hash::os_error;
use crate::ignore::Matcher;
use crate::path::PyPath;
use crate::world::World;

/// A part of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// One file.
    File {
        /// Where it comes from.
        source: PyPath,
        /// Where it goes, relative to the context.
        target: String,
    },
    /// A folder, without what the patterns exclude.
    Folder {
        /// Where it comes from.
        source: PyPath,
        /// Where it goes, relative to the context.
        target: String,
        /// Patterns of an ignore file, matched relative to the folder.
        patterns: Vec<String>,
    },
    /// A file with given content.
    Text {
        /// The content.
        content: String,
        /// Where it goes, relative to the context.
        target: String,
    },
}

/// The folder in the context that takes absolute paths and paths that leave the working directory.
const ABSOLUTE: &str = "_flyte_abs_context";

/// Where flyte's `copy_files_to_context` puts a path, relative to the context.
///
/// # Errors
/// flyte's ImageBuildError for a path that does not exist; pathlib's ValueError where the place would lie outside
/// the context.
pub fn place(source: &PyPath, world: &World<'_>) -> Res<String> {
    if let Err(error) = world.fs.metadata(&world.resolve(source)) {
        if !world.behaviours().missing_source_advises {
            return Err(os_error(&error, source.as_str()));
        }
        let message = format!(
            "Cannot copy '{source}' into the image build context: the path does not exist on disk. Check that the \
             file/directory you passed to your image layer (e.g. with_requirements, with_source_folder, \
             with_pyproject) is correct and reachable from where you are running `flyte deploy`."
        );
        return raise_for("ImageBuildError", message, Cause::MissingPath { path: source.to_string() });
    }
    if world.behaviours().normalises_places { target_of(source) } else { Ok(plain_target(source)) }
}

/// The place of a path before flyte normalised places: it may hold `..`.
fn plain_target(source: &PyPath) -> String {
    let target = if is_moved(source) {
        let parts = source.parts();
        format!("{ABSOLUTE}/{}", parts.get(1..).unwrap_or_default().join("/"))
    } else {
        source.to_string()
    };
    PyPath::new(&target).to_string()
}

/// Whether a path goes to the folder of absolute paths.
fn is_moved(source: &PyPath) -> bool {
    source.is_absolute() || source.as_str().contains("..")
}

/// The textual part of [`place`].
///
/// # Errors
/// pathlib's ValueError where the place would lie outside the context.
pub fn target_of(source: &PyPath) -> Res<String> {
    let target = if is_moved(source) {
        let parts = source.parts();
        PyPath::new(&format!("/{ABSOLUTE}/{}", parts.get(1..).unwrap_or_default().join("/")))
    } else {
        PyPath::new("/").join(source.as_str())
    };
    // Count how far the text climbs: above the context pathlib refuses.
    let mut depth = 0_usize;
    for part in target.parts().into_iter().skip(1) {
        if part != ".." {
            depth += 1;
        } else if depth == 0 {
            return raise(
                "ValueError",
                format!("{} is not in the subpath of the build context", pytext::repr_str(source.as_str())),
            );
        } else {
            depth -= 1;
        }
    }
    let normalised = target.normalised();
    Ok(normalised.relative_to(&PyPath::new("/")).map_or_else(|| ".".to_owned(), |p| p.to_string()))
}

/// The files of a context: where each comes from and where it goes, relative to the context, sorted by target.
/// A later item overwrites an earlier one, as copying does.
///
/// Source: flyte 2.12.1, `PatternMatcher.walk` and `copy_files_to_context`.
///
/// # Errors
/// Unknown for patterns that Python refuses and for names that are no UTF-8.
pub fn files(items: &[Item], world: &World<'_>) -> Res<Vec<(String, Content)>> {
    let mut files = std::collections::BTreeMap::new();
    for item in items {
        match item {
            Item::File { source, target } => {
                let Some(target) = inside(target) else { continue };
                files.insert(target, Content::File(source.clone()));
            }
            Item::Text { content, target } => {
                let Some(target) = inside(target) else { continue };
                files.insert(target, Content::Text(content.clone()));
            }
            Item::Folder { source, target, patterns } => {
                let Some(target) = &inside(target) else { continue };
                let matcher = Matcher::new(patterns)?;
                let mut walk = Walk { matcher, root: source, target, world, files: &mut files };
                walk.folder("", 0)?;
            }
        }
    }
    Ok(files.into_iter().collect())
}

/// A place in the context, normalised; `None` for one outside of it, which releases before 2.0.3 may have.
fn inside(target: &str) -> Option<String> {
    let target = PyPath::new(target).normalised();
    target.parts().first().is_none_or(|p| *p != "..").then(|| target.to_string())
}

/// What a file of the context holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A copy of a file.
    File(PyPath),
    /// Text.
    Text(String),
}

struct Walk<'a, 'w> {
    matcher: Matcher,
    root: &'a PyPath,
    target: &'a str,
    world: &'a World<'w>,
    files: &'a mut std::collections::BTreeMap<String, Content>,
}

impl Walk<'_, '_> {
    fn folder(&mut self, below: &str, depth: usize) -> Res<()> {
        if depth > 256 {
            return unknown(format!("{} is nested too deeply", self.root));
        }
        let here = self.root.join(below);
        let Ok(entries) = self.world.fs.read_dir(&self.world.resolve(&here)) else { return Ok(()) };
        for entry in entries {
            let Some(name) = entry.name else {
                return unknown(format!("{here} holds a name that is not UTF-8"));
            };
            let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
            let excluded = self.matcher.excludes(&relative);
            let source = self.root.join(&relative);
            if !excluded && !entry.is_dir {
                let is_file =
                    self.world.fs.metadata(&self.world.resolve(&source)).is_ok_and(|m| m.kind == Kind::File);
                if is_file {
                    let target = PyPath::new(self.target).join(&relative).to_string();
                    self.files.insert(target, Content::File(source.clone()));
                }
            }
            let enter = entry.is_dir && !entry.is_symlink;
            if enter && (!excluded || self.matcher.may_readmit_below(&relative)) {
                self.folder(&relative, depth + 1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_textual() {
        for (source, target) in [
            ("src", "src"),
            (".", "."),
            ("/a/b", "_flyte_abs_context/a/b"),
            ("../x", "_flyte_abs_context/x"),
            ("my..dir/x", "_flyte_abs_context/x"),
            ("/a/../b", "_flyte_abs_context/b"),
            ("../../x", "x"),
        ] {
            assert_eq!(target_of(&PyPath::new(source)).ok().as_deref(), Some(target), "{source}");
        }
        assert!(target_of(&PyPath::new("../../../x")).is_err());
    }
}
