//! `textDocument/definition`, `references`, `documentHighlight`, `prepareRename` and `rename`: names that hold images and
//! what images are made from, over all files that import them; files that images are made from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::Overlay;
use image_model::layers::needed;
use image_model::origin::Site;
use image_model::path::PyPath;
use image_model::value::Value;
use image_model::world::World;
use image_python::evaluate::module_file;
use image_python::inspect::FileReport;
use image_python::syntax::ast::Module;
use image_python::syntax::names::{Import, Name, Role, Scope, attributes, names};
use image_rules::Edit;
use tower_lsp::ls_types::{DocumentHighlight, DocumentHighlightKind, Location, Position, Uri, WorkspaceEdit};

use crate::analysis::Analysis;
use crate::code_actions::workspace_edit;
use crate::cursor::{self, Target};
use crate::manifest;
use crate::preview;
use crate::state::State;
use crate::workspace;

/// How many imports are followed to where a name gets its value.
const IMPORTS: usize = 20;

/// A name of a module, or of a scope in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Meaning {
    path: PathBuf,
    name: Arc<str>,
    scope: Scope,
}

/// Where it is defined what stands at a position.
pub(crate) fn definition(uri: &Uri, position: Position, state: &State) -> Vec<Location> {
    if let Some(address) = state.previews.address_of(uri) {
        return from_preview(&address, position, state).into_iter().collect();
    }
    if let Some(found) = manifest::references::definition(uri, position, state) {
        return found;
    }
    let Some((analysis, byte)) = at(uri, position, state) else { return Vec::new() };
    if let Some(path) = file_at(&analysis, byte, state) {
        let site = Site { path: path.into(), start: 0, end: 0 };
        return state.locate(&site).into_iter().collect();
    }
    let found = meaning_at(&analysis, byte, state);
    let Some((meaning, module)) = found.and_then(|m| followed(m, state)) else { return Vec::new() };
    let bindings = names(&module).into_iter().filter(|n| is_of(n, &meaning) && n.role != Role::Use);
    bindings.filter_map(|n| location(&module, &n, state)).collect()
}

/// The call that a line of a Dockerfile comes from.
fn from_preview(address: &str, position: Position, state: &State) -> Option<Location> {
    let (path, name) = preview::parse(address)?;
    let analysis = state.analyse(&path)?;
    state.locate(&preview::source(&analysis, &name, position.line as usize)?)
}

fn at(uri: &Uri, position: Position, state: &State) -> Option<(Arc<Analysis>, usize)> {
    let path = state.documents.file_of(uri)?;
    let analysis = state.analyse(&path)?;
    let byte = analysis.byte(uri, position);
    Some((analysis, byte))
}

/// The file that an argument at a byte names, if it is there.
pub(crate) fn file_at(analysis: &Analysis, byte: usize, state: &State) -> Option<PathBuf> {
    let Some(Target::Argument(link, given, value, _)) = cursor::at(analysis, byte) else { return None };
    let path = match value {
        Value::Path(path) => path.clone(),
        Value::Str(text) => PyPath::new(text),
        _ => return None,
    };
    let of_layers = link
        .variant
        .image
        .layers
        .iter()
        .filter(|l| l.site.as_ref().is_some_and(|s| s.site == link.call.site));
    let is_file = of_layers.flat_map(|l| needed(l)).any(|n| n.parameter == given.parameter)
        || (link.call.method == "from_dockerfile" && given.parameter == "file");
    let fs = state.snapshot();
    let world = World::new(&fs, &link.variant.environment);
    let full = world.resolve(&path);
    (is_file && world.is_file(&path)).then_some(full)
}

fn module_of(path: &Path, fs: &Overlay, state: &State) -> Option<Arc<Module>> {
    state.sources().module(path, fs).ok()
}

fn is_of(name: &Name, meaning: &Meaning) -> bool {
    name.name == meaning.name && name.scope == meaning.scope
}

fn location(module: &Module, name: &Name, state: &State) -> Option<Location> {
    let site = Site { path: Arc::clone(&module.path), start: name.range.start, end: name.range.end };
    state.locate(&site)
}

/// What a name at a byte means, in its own file: a name, or a name of a module behind a dot.
fn meaning_at(analysis: &Analysis, byte: usize, state: &State) -> Option<Meaning> {
    let fs = state.snapshot();
    let path = &analysis.report.path;
    let module = module_of(path, &fs, state)?;
    let touches = |range: &std::ops::Range<usize>| range.start <= byte && byte <= range.end;
    let all = names(&module);
    if let Some(name) = all.iter().find(|n| touches(&n.range)) {
        return Some(Meaning { path: path.to_path_buf(), name: Arc::clone(&name.name), scope: name.scope });
    }
    // The name behind `from` that is imported under another one.
    for name in &all {
        if let Role::Import(Import { level, module, member: Some((member, range)) }) = &name.role
            && touches(range)
        {
            let file = module_file(path, *level, module, &analysis.facts, &fs)?;
            return Some(Meaning { path: file, name: Arc::clone(member), scope: Scope::Module });
        }
    }
    let attribute = attributes(&module).into_iter().find(|a| touches(&a.range))?;
    let (level, dotted) = module_behind(&attribute.of, &all)?;
    let file = module_file(path, level, &dotted, &analysis.facts, &fs)?;
    Some(Meaning { path: file, name: attribute.name, scope: Scope::Module })
}

/// The module that a dotted name means, as an import would write it: its dots, and its name.
fn module_behind(dotted: &str, all: &[Name]) -> Option<(u32, String)> {
    let (first, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
    let import = all.iter().find_map(|n| match &n.role {
        Role::Import(import) if *n.name == *first => Some(import),
        _ => None,
    })?;
    let member = import.member.as_ref().map_or("", |(member, _)| member);
    let parts = [&*import.module, member, rest].into_iter().filter(|p| !p.is_empty());
    Some((import.level, parts.collect::<Vec<_>>().join(".")))
}

/// Where a name gets its value: imports are followed to the file that they import from.
fn followed(meaning: Meaning, state: &State) -> Option<(Meaning, Arc<Module>)> {
    let fs = state.snapshot();
    let mut meaning = meaning;
    for _ in 0..IMPORTS {
        let module = module_of(&meaning.path, &fs, state)?;
        let all = names(&module);
        let import = all.iter().find_map(|n| match &n.role {
            Role::Import(import) if is_of(n, &meaning) => Some(import.clone()),
            _ => None,
        });
        let Some(Import { level, module: from, member: Some((member, _)) }) = import else {
            return Some((meaning, module));
        };
        let facts = state.facts(&meaning.path, &fs);
        let Some(file) = module_file(&meaning.path, level, &from, &facts, &fs) else {
            return Some((meaning, module));
        };
        meaning = Meaning { path: file, name: member, scope: Scope::Module };
    }
    None
}

/// Everything that means the same, and whether it binds: in its own file and in files that import it.
fn occurrences(meaning: &Meaning, state: &State) -> Vec<(Arc<Module>, std::ops::Range<usize>, bool)> {
    let fs = state.snapshot();
    let Some(own) = module_of(&meaning.path, &fs, state) else { return Vec::new() };
    let mut found: Vec<(Arc<Module>, std::ops::Range<usize>, bool)> = Vec::new();
    for name in names(&own).into_iter().filter(|n| is_of(n, meaning)) {
        found.push((Arc::clone(&own), name.range, name.role != Role::Use));
    }
    if meaning.scope != Scope::Module {
        return found;
    }
    for module in workspace::modules(state, &meaning.name) {
        if *module.path != *meaning.path {
            in_importer(meaning, &module, &fs, state, &mut found);
        }
    }
    found
}

fn in_importer(
    meaning: &Meaning,
    module: &Arc<Module>,
    fs: &Overlay,
    state: &State,
    found: &mut Vec<(Arc<Module>, std::ops::Range<usize>, bool)>,
) {
    let facts = state.facts(&module.path, fs);
    let all = names(module);
    let from_there = |level: u32, dotted: &str| {
        module_file(&module.path, level, dotted, &facts, fs).is_some_and(|file| file == meaning.path)
    };
    for name in &all {
        let Role::Import(import) = &name.role else { continue };
        match &import.member {
            Some((member, range)) if *member == meaning.name && from_there(import.level, &import.module) => {
                found.push((Arc::clone(module), range.clone(), true));
                if name.name == meaning.name {
                    let same = all
                        .iter()
                        .filter(|n| n.name == name.name && n.scope == name.scope && n.role == Role::Use);
                    found.extend(same.map(|n| (Arc::clone(module), n.range.clone(), false)));
                }
            }
            _ => {}
        }
    }
    let wanted = attributes(module).into_iter().filter(|a| a.name == meaning.name);
    for attribute in wanted {
        if module_behind(&attribute.of, &all).is_some_and(|(level, dotted)| from_there(level, &dotted)) {
            found.push((Arc::clone(module), attribute.range, false));
        }
    }
}

/// Everything that refers to what stands at a position. Takes long.
pub(crate) fn references(uri: &Uri, position: Position, declarations: bool, state: &State) -> Vec<Location> {
    if let Some(found) = manifest::references::references(uri, position, declarations, state) {
        return found;
    }
    let Some((analysis, byte)) = at(uri, position, state) else { return Vec::new() };
    if let Some(path) = file_at(&analysis, byte, state) {
        return users_of(&path, state);
    }
    let found = meaning_at(&analysis, byte, state).and_then(|m| followed(m, state));
    let Some((meaning, _)) = found else { return Vec::new() };
    let all = occurrences(&meaning, state).into_iter().filter(|(_, _, binds)| declarations || !binds);
    let mut locations: Vec<Location> = all
        .filter_map(|(module, range, _)| {
            state.locate(&Site { path: Arc::clone(&module.path), start: range.start, end: range.end })
        })
        .collect();
    locations.sort_by(|a, b| (&a.uri, a.range.start).cmp(&(&b.uri, b.range.start)));
    locations.dedup();
    locations
}

/// The arguments in the workspace that name a file.
fn users_of(path: &Path, state: &State) -> Vec<Location> {
    let mut locations: Vec<Location> = Vec::new();
    for report in workspace::reports(state) {
        for (_, site) in manifest::references::uses_of(path, &report, state) {
            locations.extend(state.locate(&site).filter(|l| !locations.contains(l)));
        }
    }
    locations
}

/// The same name in the same document.
pub(crate) fn highlights(uri: &Uri, position: Position, state: &State) -> Vec<DocumentHighlight> {
    let Some((analysis, byte)) = at(uri, position, state) else { return Vec::new() };
    let Some(meaning) = meaning_at(&analysis, byte, state) else { return Vec::new() };
    let fs = state.snapshot();
    let Some(module) = module_of(&analysis.report.path, &fs, state) else { return Vec::new() };
    let mut found: Vec<(std::ops::Range<usize>, bool)> = Vec::new();
    if *meaning.path == *analysis.report.path {
        let own = names(&module).into_iter().filter(|n| is_of(n, &meaning));
        found.extend(own.map(|n| (n.range, n.role != Role::Use)));
    } else {
        let same = attributes(&module).into_iter().filter(|a| a.name == meaning.name);
        found.extend(same.map(|a| (a.range, false)));
    }
    let highlight = |(range, binds): (std::ops::Range<usize>, bool)| {
        let kind = if binds { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
        Some(DocumentHighlight { range: analysis.range_in(uri, range.start, range.end)?, kind: Some(kind) })
    };
    found.into_iter().filter_map(highlight).collect()
}

/// The name at a position, if it can be given another one: one that holds an image, everywhere that is followed.
fn renamable(analysis: &Analysis, byte: usize, state: &State) -> Option<(Meaning, Arc<Module>)> {
    let (meaning, module) = followed(meaning_at(analysis, byte, state)?, state)?;
    let all = names(&module);
    let is_binding = all.iter().any(|n| is_of(n, &meaning) && n.role == Role::Binding);
    // A name that functions assign with `global` is not followed.
    let is_global = module.functions.iter().any(|f| f.globals.contains(&meaning.name));
    let report = state.inspect(&module.path, &state.snapshot())?;
    let item = format!("{}[", meaning.name);
    let holds = |name: &String| *name == *meaning.name || name.starts_with(&item);
    let is_images = meaning.scope != Scope::Module
        || report.images.iter().any(|i| i.names.iter().any(holds))
        || is_used_by_images(&report, &all, &meaning);
    (is_binding && !is_global && is_images).then_some((meaning, module))
}

/// Whether a name stands in what makes an image of its file.
fn is_used_by_images(report: &FileReport, all: &[Name], meaning: &Meaning) -> bool {
    let mut calls = report.images.iter().flat_map(|i| &i.variants).flat_map(|v| &v.image.calls);
    calls.any(|call| {
        let made = call.expression.range();
        let is_in = |n: &Name| made.start <= n.range.start && n.range.end <= made.end;
        *call.expression.path == *meaning.path && all.iter().any(|n| is_of(n, meaning) && is_in(n))
    })
}

/// The range of the name that a rename would change, and the name.
pub(crate) fn prepare_rename(
    uri: &Uri,
    position: Position,
    state: &State,
) -> Option<(tower_lsp::ls_types::Range, String)> {
    let (analysis, byte) = at(uri, position, state)?;
    let (meaning, _) = renamable(&analysis, byte, state)?;
    let (word, start) = cursor::word_at(&analysis.text, byte)?;
    let start = start + word.rfind('.').map_or(0, |dot| dot + 1);
    let end = start + meaning.name.len();
    (analysis.text.get(start..end) == Some(&*meaning.name)).then_some(())?;
    Some((analysis.range_in(uri, start, end)?, meaning.name.to_string()))
}

/// Gives a name another one, wherever it stands.
///
/// # Errors
/// Why it cannot be, in words.
pub(crate) fn rename(
    uri: &Uri,
    position: Position,
    new: &str,
    state: &State,
) -> Result<Option<WorkspaceEdit>, String> {
    let is_name = !new.is_empty()
        && new.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !new.starts_with(|c: char| c.is_numeric())
        && !KEYWORDS.contains(&new);
    if !is_name {
        return Err(format!("{new:?} is no name in Python"));
    }
    let Some((analysis, byte)) = at(uri, position, state) else { return Ok(None) };
    let Some((meaning, module)) = renamable(&analysis, byte, state) else {
        return Err("only names that hold images, or what images are made from, can be renamed".to_owned());
    };
    if names(&module).iter().any(|n| *n.name == *new && n.scope == meaning.scope) {
        return Err(format!("{new} is taken in {}", module.path.display()));
    }
    let edits: Vec<Edit> = occurrences(&meaning, state)
        .into_iter()
        .map(|(module, range, _)| Edit {
            path: Arc::clone(&module.path),
            start: range.start,
            end: range.end,
            content: new.to_owned(),
        })
        .collect();
    let mut unique: Vec<Edit> = Vec::new();
    for edit in edits {
        if !unique.contains(&edit) {
            unique.push(edit);
        }
    }
    Ok(workspace_edit(&unique, state))
}

/// Words that Python keeps for itself.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];
