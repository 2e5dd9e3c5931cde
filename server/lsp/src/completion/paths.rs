//! Paths in strings: files and folders of the kind that a parameter takes.

use std::path::{Path, PathBuf};

use image_manifests::fs::FileSystem;
use tower_lsp::ls_types::{CompletionItem, CompletionItemKind};

use super::replacing;
use super::values::Asked;

/// What a parameter takes.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    /// Files with one of these endings.
    Ending(&'static [&'static str]),
    /// Files of one of these names.
    Named(&'static [&'static str]),
    Folder,
    Any,
}

/// What a method's parameter takes; `None` where it takes no path.
pub(super) fn wanted(method: &str, parameter: &str) -> Option<Wanted> {
    Some(match (method, parameter) {
        ("with_requirements", "file") => Wanted::Ending(&[".txt"]),
        ("from_dockerfile", "file") => Wanted::Any,
        (_, "script") => Wanted::Ending(&[".py"]),
        (_, "pyproject_file") => Wanted::Named(&["pyproject.toml"]),
        (_, "manifest_file") => Wanted::Named(&["pixi.toml", "pyproject.toml"]),
        (_, "uvlock") => Wanted::Named(&["uv.lock"]),
        (_, "poetry_lock") => Wanted::Named(&["poetry.lock"]),
        (_, "pixi_lock") => Wanted::Named(&["pixi.lock"]),
        ("with_source_folder", "src") => Wanted::Folder,
        ("with_source_file", "src") | ("with_dockerignore", "path") => Wanted::Any,
        _ => return None,
    })
}

impl Wanted {
    fn takes(self, name: &str) -> bool {
        match self {
            Self::Ending(endings) => endings.iter().any(|e| name.ends_with(e)),
            Self::Named(names) => names.contains(&name),
            Self::Folder => false,
            Self::Any => true,
        }
    }
}

/// Folders that hold nothing for an image.
const HIDDEN: &[&str] =
    &[".git", ".venv", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"];

/// The entries of the folder that the string has come to.
pub(super) fn of(wanted: Wanted, asked: &Asked<'_>) -> Vec<CompletionItem> {
    let Some(string) = asked.place.string.as_ref().filter(|s| !s.prefix.contains(['f', 'b'])) else {
        return Vec::new();
    };
    let typed = &asked.place.text[string.start..asked.place.byte];
    let (above, part) = typed.rsplit_once('/').map_or(("", typed), |(above, part)| (above, part));
    let folder = match typed.rsplit_once('/') {
        Some(("", _)) => PathBuf::from("/"),
        _ => base(asked).join(above),
    };
    let fs = asked.state.snapshot();
    let mut entries = fs.read_dir(&folder).unwrap_or_default();
    entries.sort_by(|a, b| (!a.is_dir, &a.name).cmp(&(!b.is_dir, &b.name)));
    let mut items = Vec::new();
    for entry in entries {
        let Some(name) = entry.name.filter(|n| !HIDDEN.contains(&n.as_str())) else { continue };
        if name.starts_with('.') && !part.starts_with('.') && entry.is_dir {
            continue;
        }
        let (text, kind) = match entry.is_dir {
            true => (name, CompletionItemKind::FOLDER),
            false if wanted.takes(&name) => (name, CompletionItemKind::FILE),
            false => continue,
        };
        let sort = format!("{}{text}", u8::from(entry.is_dir && !matches!(wanted, Wanted::Folder)));
        let item = replacing(text.clone(), text, part.len(), asked);
        items.push(CompletionItem { kind: Some(kind), sort_text: Some(sort), ..item });
    }
    items
}

/// The folder that the string's path starts from: where flyte is run, or the module's folder where the path is joined
/// to that of `__file__`.
fn base(asked: &Asked<'_>) -> PathBuf {
    let item = asked.place.item();
    let joined = asked.place.text[..asked.place.byte].rsplit(['(', ',', '\n']).next().unwrap_or_default();
    let own = asked.place.path.parent().unwrap_or(Path::new("/")).to_path_buf();
    for text in [item, joined] {
        if text.contains("__file__") {
            let ups = text.matches(".parent").count().max(1);
            let text = text.matches(".parents[").count();
            return own.ancestors().nth(if text > 0 { 0 } else { ups - 1 }).unwrap_or(&own).to_path_buf();
        }
    }
    PathBuf::from(&asked.receiver.facts.environment.working_directory)
}
