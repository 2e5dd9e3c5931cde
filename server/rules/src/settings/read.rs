//! Reading settings, from TOML with places and from an editor's JSON.
//!
//! Both are brought into one form, [`Node`], which one reader takes apart by the declarations.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::position::{LineIndex, Unit};
use image_model::origin::Site;
use toml_edit::{Document, Item, Value};

use super::declare::{Kind, SETTINGS, Setting, setting, tables};
use super::{Patterns, Selector, Settings};
use crate::rule::Severity;

/// A settings file that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// The file.
    pub path: PathBuf,
    /// One-based line and column, in characters.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.place {
            Some((line, column)) => write!(f, "{path}:{line}:{column}: {}", self.message),
            None => write!(f, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for SettingsError {}

/// A value with its place.
struct Node {
    span: Range<usize>,
    value: Plain,
}

/// A key, its place, and what it holds.
type Entry = (String, Range<usize>, Node);

enum Plain {
    Text(String),
    Switch(bool),
    Number(i64),
    List(Vec<Node>),
    Table(Vec<Entry>),
    Other(&'static str),
}

impl Plain {
    fn name(&self) -> &'static str {
        match self {
            Plain::Text(_) => "text",
            Plain::Switch(_) => "true or false",
            Plain::Number(_) => "a number",
            Plain::List(_) => "a list",
            Plain::Table(_) => "a table",
            Plain::Other(name) => name,
        }
    }
}

/// What is wrong, and where.
type Wrong = (String, Range<usize>);

/// Reads a settings file. `None` for a pyproject.toml that has no settings.
pub(super) fn read(path: &Path, text: &str, is_project: bool) -> Result<Option<Settings>, SettingsError> {
    let index = LineIndex::new(text);
    let at = |(message, span): Wrong| {
        let (line, column) = index.position(text, span.start, Unit::Characters);
        SettingsError { path: path.to_owned(), place: Some((line + 1, column + 1)), message }
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        // A broken pyproject.toml is for those to say who need it.
        Err(_) if is_project => return Ok(None),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            return Err(at((error.message().to_owned(), span)));
        }
    };
    let mut item = document.as_item();
    if is_project {
        match item.get("tool").and_then(|tool| tool.get("image-lsp")) {
            Some(own) => item = own,
            None => return Ok(None),
        }
    }
    let node = of_item(item);
    let folder = path.parent().unwrap_or(path);
    let mut settings = settings(&node, folder, &Arc::from(path)).map_err(at)?;
    settings.path = Some(Arc::from(path));
    Ok(Some(settings))
}

/// Settings as an editor sends them: nested or dotted, in kebab or in camel case. Names that are not known are passed
/// over: clients send what else they have under the same head.
pub(super) fn of_json(value: &serde_json::Value, folder: &Path) -> Result<Settings, String> {
    let node = of_json_node(value, true);
    settings(&node, folder, &Arc::from(folder)).map_err(|(message, _)| message)
}

fn of_item(item: &Item) -> Node {
    let span = item.span().unwrap_or(0..0);
    let value = match item {
        Item::Value(value) => return of_value(value),
        Item::Table(table) => Plain::Table(pairs(table.iter(), |key| table.key(key).and_then(|k| k.span()))),
        Item::ArrayOfTables(_) => Plain::Other("a list of tables"),
        Item::None => Plain::Other("nothing"),
    };
    Node { span, value }
}

fn pairs<'t>(
    items: impl Iterator<Item = (&'t str, &'t Item)>,
    span: impl Fn(&str) -> Option<Range<usize>>,
) -> Vec<Entry> {
    items.map(|(key, item)| (key.to_owned(), span(key).unwrap_or(0..0), of_item(item))).collect()
}

fn of_value(value: &Value) -> Node {
    let span = value.span().unwrap_or(0..0);
    let value = match value {
        Value::String(text) => Plain::Text(text.value().clone()),
        Value::Boolean(switch) => Plain::Switch(*switch.value()),
        Value::Integer(number) => Plain::Number(*number.value()),
        Value::Array(items) => Plain::List(items.iter().map(of_value).collect()),
        Value::InlineTable(table) => Plain::Table(
            table
                .iter()
                .map(|(key, item)| {
                    let span = table.key(key).and_then(|k| k.span()).unwrap_or(0..0);
                    (key.to_owned(), span, of_value(item))
                })
                .collect(),
        ),
        Value::Float(_) => Plain::Other("a fraction"),
        Value::Datetime(_) => Plain::Other("a date"),
    };
    Node { span, value }
}

fn of_json_node(value: &serde_json::Value, is_top: bool) -> Node {
    use serde_json::Value as Json;
    let value = match value {
        Json::String(text) => Plain::Text(text.clone()),
        Json::Bool(switch) => Plain::Switch(*switch),
        Json::Number(number) => number.as_i64().map_or(Plain::Other("a fraction"), Plain::Number),
        Json::Array(items) => Plain::List(items.iter().map(|v| of_json_node(v, false)).collect()),
        Json::Object(object) => {
            let mut table: Vec<Entry> = Vec::new();
            for (key, item) in object {
                let empty = item.is_null() || item.as_str().is_some_and(str::is_empty);
                let name = if is_top { kebab(key) } else { key.clone() };
                if empty || (is_top && !is_own(&name)) {
                    continue;
                }
                let is_table = tables().any(|t| t == name);
                table.push((name, 0..0, of_json_node(item, is_table)));
            }
            Plain::Table(table)
        }
        Json::Null => Plain::Other("nothing"),
    };
    Node { span: 0..0, value }
}

/// `flyteVersion` as `flyte-version`.
fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn is_own(name: &str) -> bool {
    let in_table =
        |s: &Setting| s.name.split_once('.').is_some_and(|(table, rest)| table == name || rest == name);
    SETTINGS.iter().any(|s| s.name == name || in_table(s))
}

fn settings(node: &Node, folder: &Path, path: &Arc<Path>) -> Result<Settings, Wrong> {
    let Plain::Table(pairs) = &node.value else {
        return Err((format!("settings are a table, not {}", node.value.name()), node.span.clone()));
    };
    let mut reader = Reader { folder, path, out: Settings::default() };
    for (key, span, value) in pairs {
        reader.entry("", key, span, value)?;
    }
    Ok(reader.out)
}

struct Reader<'a> {
    folder: &'a Path,
    path: &'a Arc<Path>,
    out: Settings,
}

impl Reader<'_> {
    fn entry(&mut self, table: &str, key: &str, span: &Range<usize>, node: &Node) -> Result<(), Wrong> {
        let name = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
        if table.is_empty() && tables().any(|t| t == key) {
            let Plain::Table(pairs) = &node.value else {
                return Err((format!("{key} is a table, not {}", node.value.name()), node.span.clone()));
            };
            return pairs.iter().try_for_each(|(inner, span, value)| self.entry(key, inner, span, value));
        }
        let Some(setting) = setting(&name) else {
            let near = SETTINGS.iter().map(|s| s.name).min_by_key(|known| distance(known, &name));
            let near = near.filter(|known| distance(known, &name) <= 3);
            let near = near.map_or_else(String::new, |known| format!("; did you mean {known}?"));
            return Err((format!("there is no setting {name}{near}"), span.clone()));
        };
        self.set(setting, node)
    }

    fn set(&mut self, setting: &Setting, node: &Node) -> Result<(), Wrong> {
        let name = setting.name;
        match setting.kind {
            Kind::Text => {
                let text = Some(text(name, node)?.to_owned());
                match name {
                    "flyte-version" => self.out.flyte_version = text,
                    "root-dir" => self.out.root_dir = text,
                    _ => self.out.engine_host = text,
                }
            }
            Kind::Path => {
                let path = Some(self.folder.join(text(name, node)?));
                match name {
                    "python" => self.out.python = path,
                    "working-directory" => self.out.working_directory = path,
                    _ => self.out.flyte_config = path,
                }
            }
            Kind::Switch(_) => {
                let Plain::Switch(on) = node.value else {
                    return Err(expected(name, "true or false", node));
                };
                match name {
                    "inlay-hints.tag" => self.out.inlay_tag = Some(on),
                    "inlay-hints.base" => self.out.inlay_base = Some(on),
                    "verify-on-save" => self.out.verify_on_save = Some(on),
                    _ => self.out.code_lens = Some(on),
                }
            }
            Kind::Choice(choices, _) => {
                let given = text(name, node)?;
                if !choices.contains(&given) {
                    return Err((
                        format!("{name} is one of {}, not {given}", choices.join(", ")),
                        node.span.clone(),
                    ));
                }
                let given = Some(given.to_owned());
                match name {
                    "build.builder" => self.out.builder = given,
                    "build.syntax-directive" => self.out.syntax_directive = given,
                    _ => self.out.check_existence = given,
                }
            }
            Kind::Rules => {
                let rules = self.selectors(name, node)?;
                match name {
                    "select" => self.out.select = Some(rules),
                    "extend-select" => self.out.extend_select = rules,
                    _ => self.out.ignore = rules,
                }
            }
            Kind::Globs => {
                let globs = texts(name, node)?;
                self.out.exclude = self.patterns(&globs, node)?;
            }
            Kind::RulesByGlob => {
                for (glob, span, rules) in table(name, node)? {
                    let patterns = self.patterns(
                        std::slice::from_ref(glob),
                        &Node { span: span.clone(), value: Plain::Other("") },
                    )?;
                    let rules = self.selectors(name, rules)?;
                    self.out.per_file_ignores.push((patterns, rules));
                }
            }
            Kind::Severities => self.severities(name, node)?,
            Kind::Size => self.out.large_context = Some(size(name, node)?),
        }
        Ok(())
    }

    fn severities(&mut self, name: &str, node: &Node) -> Result<(), Wrong> {
        for (rule, span, value) in table(name, node)? {
            let given = text(&format!("{name}.{rule}"), value)?;
            let severity = Severity::of(given);
            if severity.is_none() && given != "off" {
                let message =
                    format!("the severity of {rule} is one of error, warning, hint, off, not {given}");
                return Err((message, value.span.clone()));
            }
            match crate::rules::find(rule) {
                Some(rule) => {
                    self.out.severities.insert(rule.code.to_owned(), severity);
                }
                None => self.unknown(rule, span),
            }
        }
        Ok(())
    }

    fn unknown(&mut self, rule: &str, span: &Range<usize>) {
        let site = Site { path: Arc::clone(self.path), start: span.start, end: span.end };
        self.out.unknown_rules.push((rule.to_owned(), site));
    }

    fn selectors(&mut self, name: &str, node: &Node) -> Result<Vec<Selector>, Wrong> {
        let Plain::List(items) = &node.value else { return Err(expected(name, "a list of rules", node)) };
        let mut selectors = Vec::new();
        for item in items {
            let selector = Selector::new(text(name, item)?);
            if !selector.is_known() {
                self.unknown(selector.text(), &item.span);
            }
            selectors.push(selector);
        }
        Ok(selectors)
    }

    fn patterns(&self, globs: &[String], node: &Node) -> Result<Patterns, Wrong> {
        Patterns::new(self.folder, globs).map_err(|e| (e, node.span.clone()))
    }
}

fn expected(name: &str, what: &str, node: &Node) -> Wrong {
    (format!("{name} takes {what}, not {}", node.value.name()), node.span.clone())
}

fn text<'n>(name: &str, node: &'n Node) -> Result<&'n str, Wrong> {
    match &node.value {
        Plain::Text(text) => Ok(text),
        _ => Err(expected(name, "text", node)),
    }
}

fn texts(name: &str, node: &Node) -> Result<Vec<String>, Wrong> {
    let Plain::List(items) = &node.value else { return Err(expected(name, "a list", node)) };
    items.iter().map(|item| text(name, item).map(str::to_owned)).collect()
}

fn table<'n>(name: &str, node: &'n Node) -> Result<&'n [Entry], Wrong> {
    match &node.value {
        Plain::Table(pairs) => Ok(pairs),
        _ => Err(expected(name, "a table", node)),
    }
}

/// A number of bytes: `1000`, `50MB`, `64MiB`.
fn size(name: &str, node: &Node) -> Result<u64, Wrong> {
    let wrong = || expected(name, "a size such as \"50MB\"", node);
    let text = match &node.value {
        Plain::Number(bytes) => return u64::try_from(*bytes).map_err(|_| wrong()),
        Plain::Text(text) => text.trim(),
        _ => return Err(wrong()),
    };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err((format!("{name} is a size such as \"50MB\", not {text}"), node.span.clone())),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

/// How many letters have to be changed, put in or taken out to make one name of another.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (corner + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            corner = above;
        }
    }
    row[b.len()]
}
