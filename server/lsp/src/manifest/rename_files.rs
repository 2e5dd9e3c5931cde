//! `workspace/willRenameFiles`: files that images are made from get other names, and what names them follows: arguments
//! of images, `-r` and `-c` lines of requirements files.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_manifests::manifest::{Format, Manifest};
use image_manifests::requirements_txt::Kind;
use image_model::layers::needed;
use image_model::origin::Site;
use image_model::world::World;
use image_python::files::walk;
use image_python::inspect::FileReport;
use image_python::syntax::ast::{Expression, Module};
use image_rules::Edit;
use tower_lsp::ls_types::{RenameFilesParams, Uri, WorkspaceEdit};

use crate::code_actions::workspace_edit;
use crate::documents::path_of;
use crate::state::State;
use crate::workspace;

/// What changes with files that get other names. Takes long.
pub(crate) fn edits(parameters: &RenameFilesParams, state: &State) -> Option<WorkspaceEdit> {
    let path = |uri: &str| path_of(&uri.parse::<Uri>().ok()?);
    let renames: Vec<(PathBuf, PathBuf)> =
        parameters.files.iter().filter_map(|f| Some((path(&f.old_uri)?, path(&f.new_uri)?))).collect();
    let moved = Moved(renames);
    let mut edits: Vec<Edit> = Vec::new();
    for report in workspace::reports(state) {
        in_module(&report, &moved, state, &mut edits);
    }
    in_requirements(&moved, state, &mut edits);
    edits.sort();
    edits.dedup();
    workspace_edit(&edits, state)
}

/// Files and folders that get other names.
struct Moved(Vec<(PathBuf, PathBuf)>);

impl Moved {
    /// Where a file will be, if it moves.
    fn to(&self, path: &Path) -> Option<PathBuf> {
        self.0.iter().find_map(|(old, new)| {
            let rest = path.strip_prefix(old).ok()?;
            Some(if rest.as_os_str().is_empty() { new.clone() } else { new.join(rest) })
        })
    }
}

fn in_module(report: &FileReport, moved: &Moved, state: &State, edits: &mut Vec<Edit>) {
    let fs = state.snapshot();
    for variant in report.images.iter().flat_map(|i| &i.variants) {
        let world = World::new(&fs, &variant.environment);
        for layer in &variant.image.layers {
            let Some(call) = &layer.site else { continue };
            for needed in needed(layer) {
                let old = world.resolve(&needed.path);
                let Some(new) = moved.to(&old) else { continue };
                // A module that moves along keeps its distance.
                let own = moved.to(&call.site.path);
                for given in call.given(needed.parameter) {
                    // What names the file stands in the argument, or where its value was written.
                    let places = [Some(&given.site), given.origin.site.as_ref()];
                    edits.extend(places.into_iter().flatten().find_map(|site| {
                        let module = state.sources().module(&site.path, &fs).ok()?;
                        in_argument(&module, site, &old, &new, own.is_some())
                    }));
                }
            }
        }
    }
}

/// The edit of the literal at the end of an argument, where that is what names the file.
fn in_argument(module: &Module, site: &Site, old: &Path, new: &Path, moves_along: bool) -> Option<Edit> {
    let literals = module.spans.iter().zip(&module.expressions).filter_map(|(span, expression)| {
        let range = span.range();
        let is_inside = site.start <= range.start && range.end <= site.end;
        matches!(expression, Expression::Str(_)).then_some(range).filter(|_| is_inside)
    });
    let range = literals.max_by_key(|r| r.start)?;
    let text = module.text.get(range.clone())?;
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let plain = !value.is_empty() && !value.contains(['\\', quote]);
    let literal = Path::new(value);
    if !plain || !old.ends_with(literal.components().filter(|c| *c != Component::CurDir).collect::<PathBuf>())
    {
        return None;
    }
    let written = if literal.is_absolute() {
        new.to_string_lossy().into_owned()
    } else {
        if moves_along {
            return None;
        }
        let mut base = old.to_path_buf();
        for _ in literal.components().filter(|c| *c != Component::CurDir) {
            base.pop();
        }
        relative(&base, new)?
    };
    let site = Site { path: Arc::clone(&module.path), start: range.start + 1, end: range.end - 1 };
    Some(Edit::replace(&site, written)).filter(|e| e.content != value && !e.content.contains([quote, '\\']))
}

/// A path as seen from a folder.
fn relative(folder: &Path, path: &Path) -> Option<String> {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (folder.components().collect(), path.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts: Vec<&str> = vec![".."; from.len() - common];
    for part in &to[common..] {
        parts.push(part.as_os_str().to_str()?);
    }
    Some(parts.join("/"))
}

/// Lines of requirements files that name one that moves, or whose own file moves.
fn in_requirements(moved: &Moved, state: &State, edits: &mut Vec<Edit>) {
    let fs = state.snapshot();
    let is_requirements = |path: &Path| Format::of(path) == Some(Format::Requirements);
    let mut files: Vec<PathBuf> =
        state.documents.paths().into_iter().filter(|p| is_requirements(p)).collect();
    for root in state.roots() {
        files.extend(walk(&root, &is_requirements).0);
    }
    files.sort();
    files.dedup();
    for file in files {
        let Ok(text) = fs.read_shared(&file) else { continue };
        if !text.contains("-r") && !text.contains("-c") {
            continue;
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let Some(manifest) = Manifest::read(Format::Requirements, text) else { continue };
        let Some(folder) = file.parent() else { continue };
        let wanted = |kind: &Kind| matches!(kind, Kind::Include | Kind::Constraint);
        for entry in manifest.entries.iter().filter(|e| wanted(&e.kind) && e.is_local(text)) {
            let Some(value) = text.get(entry.value.clone()) else { continue };
            let target: PathBuf = normal(&folder.join(value));
            let (own, other) = (moved.to(&file), moved.to(&target));
            if own.is_none() && other.is_none() {
                continue;
            }
            let folder = own.as_deref().and_then(Path::parent).unwrap_or(folder);
            let Some(written) = relative(folder, &other.unwrap_or(target)) else { continue };
            if written != value {
                let site =
                    Site { path: file.as_path().into(), start: entry.value.start, end: entry.value.end };
                edits.push(Edit::replace(&site, written));
            }
        }
    }
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
}
