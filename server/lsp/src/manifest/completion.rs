//! `textDocument/completion` in headers, requirements files and projects: keys, names of packages, operators, versions,
//! extras, markers, options.

use std::collections::{BTreeMap, BTreeSet};

use image_manifests::manifest::Format;
use image_manifests::pins::normalised;
use image_manifests::requirement::parts;
use image_manifests::requirements_txt::options;
use image_model::value::Value;
use serde_json::json;
use tower_lsp::ls_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionResponse, CompletionTextEdit,
    Documentation, InsertTextFormat, MarkupContent, MarkupKind, Position, TextEdit, Uri,
};

use super::keys::{self, Key};
use super::lexer::{Place, place};
use super::{Document, Surroundings};
use crate::state::State;

/// Names of packages that are offered at a time: those in use first.
const MOST: usize = 64;

/// Operators, with what they ask for.
const OPERATORS: &[(&str, &str)] = &[
    ("==", "exactly this version"),
    (">=", "this version or a later one"),
    ("~=", "a later one of the same series"),
    ("<", "an earlier version"),
    ("<=", "this version or an earlier one"),
    (">", "a later version"),
    ("!=", "any but this version"),
    ("===", "exactly this text"),
];

/// Variables of markers, with values that they often have.
const MARKERS: &[(&str, &[&str])] = &[
    ("python_version", &["3.10", "3.11", "3.12", "3.13", "3.14"]),
    ("sys_platform", &["linux", "darwin", "win32"]),
    ("platform_machine", &["x86_64", "aarch64", "arm64"]),
    ("platform_system", &["Linux", "Darwin", "Windows"]),
    ("platform_python_implementation", &["CPython", "PyPy"]),
    ("implementation_name", &["cpython", "pypy"]),
    ("os_name", &["posix", "nt"]),
    ("python_full_version", &[]),
    ("extra", &[]),
];

/// What a position completes to; `None` where it is not in a manifest.
pub(crate) fn at(uri: &Uri, position: Position, state: &State) -> Option<Option<CompletionResponse>> {
    let document = Document::at(uri, state)?;
    let byte = document.place(position)?;
    let asked = Asked { document: &document, byte, state };
    let items = match document.manifest.format {
        Format::Requirements => asked.in_line(),
        Format::Project => asked.in_toml(&document.text, byte, 0),
        Format::Script => asked.in_header(),
        Format::Pixi | Format::Lock => Vec::new(),
    };
    // In a comment of a header codes of rules may be typed.
    if items.is_empty() && document.manifest.format == Format::Script {
        return None;
    }
    // A list that was cut is made anew with every letter.
    let is_incomplete = items.len() >= MOST;
    let list = CompletionList { is_incomplete, items };
    Some((!list.items.is_empty()).then_some(CompletionResponse::List(list)))
}

struct Asked<'a> {
    document: &'a Document,
    byte: usize,
    state: &'a State,
}

impl Asked<'_> {
    /// An item that takes the place of everything from a byte on.
    fn item(&self, label: &str, text: String, start: usize, kind: CompletionItemKind) -> CompletionItem {
        let range = self.document.range(start, self.byte);
        CompletionItem {
            label: label.to_owned(),
            kind: Some(kind),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: text })),
            ..CompletionItem::default()
        }
    }

    fn plain(&self, label: &str, start: usize, detail: &str) -> CompletionItem {
        let detail = Some(detail.to_owned()).filter(|d| !d.is_empty());
        CompletionItem { detail, ..self.item(label, label.to_owned(), start, CompletionItemKind::VALUE) }
    }

    fn in_header(&self) -> Vec<CompletionItem> {
        let Some(header) = &self.document.manifest.header else { return Vec::new() };
        let Some(inside) = header.content.from_file(self.byte) else { return Vec::new() };
        self.in_toml(&header.content.text, inside, self.byte - inside)
    }

    /// `offset` leads from the line's bytes in the TOML to those in the file.
    fn in_toml(&self, text: &str, byte: usize, offset: usize) -> Vec<CompletionItem> {
        let to_file = |at: usize| at + offset;
        let is_header = self.document.manifest.format == Format::Script;
        match place(text, byte) {
            Place::String { path, start, .. } if is_list(&path) => {
                self.requirement(text.get(start..byte).unwrap_or_default(), to_file(start))
            }
            Place::String { path, start, .. } => self.values(&path, to_file(start)),
            Place::Value { path, start, in_array } if is_list(&path) && in_array => {
                let mut items = self.names("", to_file(start));
                for item in &mut items {
                    if let Some(CompletionTextEdit::Edit(edit)) = &mut item.text_edit {
                        edit.new_text = format!("\"{}\"", edit.new_text);
                    }
                }
                items
            }
            Place::Key { table, start } if is_header => self.keys(&table, to_file(start)),
            Place::Table { start, is_array } if is_header => {
                let wanted = keys::TABLES.iter().filter(|(_, array, _)| *array == is_array);
                let close = if is_array { "]]" } else { "]" };
                let rest = text.get(byte..).unwrap_or_default();
                let close = if rest.starts_with(']') { "" } else { close };
                wanted
                    .map(|(name, _, what)| CompletionItem {
                        documentation: Some(Documentation::String((*what).to_owned())),
                        ..self.item(
                            name,
                            format!("{name}{close}"),
                            to_file(start),
                            CompletionItemKind::MODULE,
                        )
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn keys(&self, table: &[String], start: usize) -> Vec<CompletionItem> {
        let snippets = self.state.client().snippets;
        let source = self.document.manifest.source.as_ref();
        let path: Vec<&str> = table.iter().map(String::as_str).collect();
        let is_taken = |name: &str| {
            let full: Vec<&str> = path.iter().copied().chain([name]).collect();
            source.is_some_and(|s| s.at(&full).is_some()) && path.last() != Some(&"index")
        };
        let item = |key: &Key| {
            let value = if snippets { key.value.to_owned() } else { key.value.replace("$0", "") };
            let about = if key.is_heeded { "" } else { "\n\nflyte does not apply it." };
            let value = format!("{} = {value}", key.name);
            CompletionItem {
                documentation: Some(markdown(format!("{}{about}", key.what))),
                insert_text_format: snippets.then_some(InsertTextFormat::SNIPPET),
                ..self.item(key.name, value, start, CompletionItemKind::PROPERTY)
            }
        };
        let mut items: Vec<CompletionItem> =
            keys::of(table).iter().filter(|k| !is_taken(k.name)).map(item).collect();
        if path.as_slice() == ["tool", "uv", "sources"] {
            let names = self.document.manifest.dependencies.iter().map(|d| d.name.as_str());
            items.extend(
                names
                    .filter(|n| !n.is_empty() && !is_taken(n))
                    .map(|name| self.item(name, format!("{name} = "), start, CompletionItemKind::PROPERTY)),
            );
        }
        items
    }

    /// Values of settings.
    fn values(&self, path: &[String], start: usize) -> Vec<CompletionItem> {
        let Some(name) = path.last() else { return Vec::new() };
        if name == "requires-python" {
            let versions = ["3.10", "3.11", "3.12", "3.13", "3.14"].into_iter();
            return versions.map(|v| self.plain(&format!(">={v}"), start, "")).collect();
        }
        let choices = keys::CHOICES.iter().find(|(key, _)| key == name).map(|(_, values)| *values);
        choices.unwrap_or_default().iter().map(|value| self.plain(value, start, "")).collect()
    }

    /// In a requirements file.
    fn in_line(&self) -> Vec<CompletionItem> {
        let text = &self.document.text;
        let line = text[..self.byte].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let typed = &text[line..self.byte];
        let start = line + (typed.len() - typed.trim_start().len());
        let typed = typed.trim_start();
        if typed.starts_with('#') || typed.contains(" #") {
            return Vec::new();
        }
        if typed.starts_with('-') {
            let is_name = !typed.contains([' ', '=', '\t']);
            let wanted = options().filter(|_| is_name);
            return wanted.map(|o| self.item(o, o.to_owned(), start, CompletionItemKind::KEYWORD)).collect();
        }
        self.requirement(typed, start)
    }

    /// In a requirement that is typed so far, which begins at a byte.
    fn requirement(&self, typed: &str, start: usize) -> Vec<CompletionItem> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if typed.chars().all(is_name) {
            return self.names(typed, start);
        }
        let Some(parts) = parts(typed) else { return Vec::new() };
        let name = normalised(&typed[parts.name.clone()]);
        let after = &typed[parts.name.end..];
        if let Some(marker) = typed.rfind(';') {
            return self.marker(&typed[marker + 1..], start + typed.len());
        }
        if parts.address.is_some() {
            return Vec::new();
        }
        if let Some(bracket) = after.find('[').filter(|_| !after.contains(']')) {
            let from = after[bracket..].rfind([',', '[']).map_or(0, |at| bracket + at + 1);
            let word = after[from..].trim_start();
            return self.extras(&name, start + typed.len() - word.len());
        }
        let begin = typed.rfind([',', '(', ']']).map_or(parts.name.end, |at| at + 1);
        let specifier = typed[begin..].trim_start();
        let operator = specifier.find(|c| !"=<>~!".contains(c)).unwrap_or(specifier.len());
        let version = specifier[operator..].trim_start();
        let mut items = Vec::new();
        if operator > 0 {
            items.extend(self.versions(&name, start + typed.len() - version.len()));
        }
        if version.is_empty() {
            let from = start + typed.len() - specifier.len();
            let wanted =
                OPERATORS.iter().filter(|(o, _)| o.starts_with(&specifier[..operator]) && *o != specifier);
            items.extend(wanted.enumerate().map(|(n, (operator, what))| CompletionItem {
                detail: Some((*what).to_owned()),
                sort_text: Some(format!("2{n}")),
                ..self.item(operator, (*operator).to_owned(), from, CompletionItemKind::OPERATOR)
            }));
        }
        items
    }

    /// Names of packages that are used in the workspace or installed.
    fn names(&self, typed: &str, start: usize) -> Vec<CompletionItem> {
        let around = self.document.surroundings(self.state);
        let used = used_names(self);
        let mut names: BTreeMap<&str, bool> = used.iter().map(|n| (n.as_str(), true)).collect();
        if let Some((packages, _)) = &around.installed {
            packages.keys().for_each(|n| *names.entry(n).or_default() |= false);
        }
        if let Some((locked, _)) = &around.lock {
            locked.keys().for_each(|n| *names.entry(n).or_default() |= false);
        }
        let listed = |name: &str| {
            // The one that is being typed is not there yet.
            let of_list = self.document.manifest.dependencies.iter();
            of_list
                .clone()
                .any(|d| d.name == name && !(d.range.start <= self.byte && self.byte <= d.range.end))
        };
        let typed = normalised(typed);
        let mut names: Vec<(&str, bool)> = names
            .into_iter()
            .filter(|(name, _)| (typed.is_empty() || name.contains(&typed)) && !listed(name))
            .collect();
        names.sort_by_key(|(name, is_used)| (!name.starts_with(&typed), !is_used));
        names.truncate(MOST);
        names
            .into_iter()
            .map(|(name, is_used)| CompletionItem {
                detail: versions(name, &around),
                sort_text: Some(format!("{}{name}", u8::from(!is_used))),
                data: Some(json!({ "package": name, "uri": self.document.open.uri })),
                ..self.item(name, name.to_owned(), start, CompletionItemKind::MODULE)
            })
            .collect()
    }

    fn versions(&self, name: &str, start: usize) -> Vec<CompletionItem> {
        let around = self.document.surroundings(self.state);
        let mut items: Vec<CompletionItem> = Vec::new();
        if let Some((version, place)) = around.installed(name) {
            items.push(self.plain(version, start, &format!("installed in {place}")));
        }
        for version in around.locked(name).iter().filter_map(|l| l.version.as_deref()) {
            match items.iter_mut().find(|i| i.label == version) {
                Some(item) => {
                    let detail = item.detail.take().unwrap_or_default();
                    item.detail = Some(format!("{detail}, locked in {}", around.lock_name()));
                }
                None => items.push(self.plain(version, start, &format!("locked in {}", around.lock_name()))),
            }
        }
        for (number, item) in items.iter_mut().enumerate() {
            item.sort_text = Some(format!("1{number}"));
        }
        items
    }

    fn extras(&self, name: &str, start: usize) -> Vec<CompletionItem> {
        let around = self.document.surroundings(self.state);
        let metadata = around.metadata(name, self.state);
        let extras = metadata.iter().flat_map(|m| &m.extras);
        extras.map(|extra| self.plain(extra, start, &format!("an extra of {name}"))).collect()
    }

    /// In a marker: a variable, or a value behind an operator.
    fn marker(&self, typed: &str, end: usize) -> Vec<CompletionItem> {
        let word_start =
            typed.rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.')).map_or(0, |at| at + 1);
        let before = typed[..word_start].trim_end();
        let start = end - (typed.len() - word_start);
        let quoted = before.trim_end_matches(['"', '\'']);
        if quoted.trim_end().ends_with(['=', '<', '>']) {
            let variable = quoted.trim_end().trim_end_matches(['=', '<', '>', '!', '~']).trim_end();
            let variable =
                variable.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            let values =
                MARKERS.iter().find(|(name, _)| *name == variable).map(|(_, v)| *v).unwrap_or_default();
            let has_quote = quoted.len() < before.len();
            let text = |value: &str| if has_quote { value.to_owned() } else { format!("'{value}'") };
            return values.iter().map(|v| self.item(v, text(v), start, CompletionItemKind::VALUE)).collect();
        }
        let is_start =
            before.is_empty() || before.ends_with('(') || before.ends_with(" and") || before.ends_with(" or");
        let names = MARKERS.iter().filter(|_| is_start).map(|(name, _)| name);
        names.map(|n| self.item(n, (*n).to_owned(), start, CompletionItemKind::VARIABLE)).collect()
    }
}

/// Whether a key leads to a list of requirements.
fn is_list(path: &[String]) -> bool {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        names.as_slice(),
        ["dependencies"]
            | ["project", "dependencies"]
            | ["project", "optional-dependencies", _]
            | ["dependency-groups", _]
            | ["build-system", "requires"]
            | [
                "tool",
                "uv",
                "dev-dependencies"
                    | "constraint-dependencies"
                    | "override-dependencies"
                    | "build-constraint-dependencies"
            ]
    )
}

/// `installed 1.2 · locked 1.1`
pub(super) fn versions(name: &str, around: &Surroundings) -> Option<String> {
    let mut told: Vec<String> = Vec::new();
    told.extend(around.installed(name).map(|(version, _)| format!("installed {version}")));
    let locked: Vec<&str> = around.locked(name).iter().filter_map(|l| l.version.as_deref()).collect();
    if !locked.is_empty() {
        told.push(format!("locked {}", locked.join(", ")));
    }
    (!told.is_empty()).then(|| told.join(" · "))
}

/// Names of packages that the workspace uses: in files as they were looked at, in open files, in images.
fn used_names(asked: &Asked<'_>) -> BTreeSet<String> {
    let state = asked.state;
    let mut names = BTreeSet::clone(&state.foreign.names());
    let own = asked.document.manifest.dependencies.iter().filter(|d| !d.name.is_empty());
    names.extend(
        own.filter(|d| d.range.end < asked.byte || asked.byte < d.range.start).map(|d| d.name.clone()),
    );
    for path in state.documents.paths() {
        let Some(analysis) = state.last(&path) else { continue };
        let calls = analysis.report.images.iter().flat_map(|i| &i.variants).flat_map(|v| &v.image.calls);
        for given in calls.flat_map(|c| c.given("packages").filter(|_| c.method == "with_pip_packages")) {
            if let Value::Str(text) = &given.value {
                names.extend(image_rules::requirements::name(text));
            }
        }
    }
    names
}

fn markdown(value: String) -> Documentation {
    Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value })
}

/// What a package says of itself, for a completion that is chosen.
pub(crate) fn resolve(item: &mut CompletionItem, state: &State) {
    let data = item.data.clone().unwrap_or_default();
    let name = data.get("package").and_then(|v| v.as_str());
    let uri = data.get("uri").and_then(|u| serde_json::from_value::<Uri>(u.clone()).ok());
    let (Some(name), Some(document)) = (name, uri.and_then(|uri| Document::at(&uri, state))) else { return };
    let around = document.surroundings(state);
    if let Some(metadata) = around.metadata(name, state) {
        let page =
            metadata.links.first().map(|(label, page)| format!("\n\n[{label}]({page})")).unwrap_or_default();
        item.documentation = Some(markdown(format!("{}{page}", metadata.summary)));
    }
}
