//! Whether a uv.lock was made for its pyproject.toml: what uv notes in the lock of the project itself, compared with
//! what the project says now.
//!
//! Only what is certain is told: dynamic metadata, workspaces and sources are left to uv.

use std::collections::{BTreeMap, BTreeSet};

use toml_edit::{Array, Document, Item, Table, Value};

use crate::pins::normalised as normal;

/// The first difference between a lock and its project, in words; `None` where none is certain.
#[must_use]
pub fn difference(pyproject: &str, lock: &str) -> Option<String> {
    let project = Document::parse(pyproject).ok()?;
    let lock = Document::parse(lock).ok()?;
    let own = project.get("project")?.as_table_like()?;
    let uv = project.get("tool").and_then(|t| t.get("uv"));
    let other = ["workspace", "constraint-dependencies", "override-dependencies", "conflicts"];
    if own.get("dynamic").is_some() || uv.is_some_and(|uv| other.iter().any(|key| uv.get(key).is_some())) {
        return None;
    }
    let packages = lock.get("package").and_then(Item::as_array_of_tables)?;
    let root = packages.iter().find(|p| is_root(p))?;
    let name = normal(own.get("name")?.as_str()?);
    let locked_name = root.get("name")?.as_str()?;
    if name != locked_name {
        return Some(format!("the project is called {name}, in the lock {locked_name}"));
    }
    let text = |item: Option<&Item>| item.and_then(Item::as_str).map(str::to_owned);
    let (wanted, locked) = (text(own.get("version")), text(root.get("version")));
    if let (Some(wanted), Some(locked)) = (&wanted, &locked)
        && !same_version(wanted, locked)
    {
        return Some(format!("the project has version {wanted}, in the lock {locked}"));
    }
    let (wanted, locked) = (text(own.get("requires-python")), text(lock.get("requires-python")));
    if let (Some(wanted), Some(locked)) = (&wanted, &locked)
        && specifiers(wanted) != specifiers(locked)
    {
        return Some(format!("requires-python is {wanted}, in the lock {locked}"));
    }
    let metadata = root.get("metadata").and_then(Item::as_table);
    let noted = metadata.and_then(|m| m.get("requires-dist")).and_then(Item::as_array);
    let now = declared(own);
    let sources = sources(project.as_table());
    requirements(&now, noted, &sources)
        .or_else(|| extras(own, metadata))
        .or_else(|| groups(project.as_table(), metadata))
}

fn is_root(package: &Table) -> bool {
    let source = package.get("source").and_then(Item::as_inline_table);
    ["virtual", "editable", "directory"]
        .iter()
        .any(|k| source.and_then(|s| s.get(k)).and_then(Value::as_str) == Some("."))
}

/// What a project asks for: its dependencies, and those of its extras.
fn declared(project: &dyn toml_edit::TableLike) -> Vec<String> {
    let items = |array: Option<&Array>| -> Vec<String> {
        array.into_iter().flat_map(Array::iter).filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let mut all = items(project.get("dependencies").and_then(Item::as_array));
    if let Some(extras) = project.get("optional-dependencies").and_then(Item::as_table_like) {
        for (_, extra) in extras.iter() {
            all.extend(items(extra.as_array()));
        }
    }
    all
}

/// One requirement, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    extras: BTreeSet<String>,
    /// `None` where an address takes their place.
    specifiers: Option<BTreeSet<String>>,
    /// It has a marker; that of an extra is none.
    marked: bool,
}

type Requirements = BTreeMap<String, BTreeSet<Asked>>;

fn requirements(now: &[String], noted: Option<&Array>, sources: &BTreeSet<String>) -> Option<String> {
    let (mut wanted, mut locked): (Requirements, Requirements) = Default::default();
    for requirement in now {
        let (name, asked) = parse(requirement)?;
        wanted.entry(name).or_default().insert(asked);
    }
    for entry in noted.into_iter().flat_map(Array::iter).filter_map(Value::as_inline_table) {
        let text = |key| entry.get(key).and_then(Value::as_str);
        let address =
            ["url", "git", "path", "directory", "editable", "virtual"].iter().any(|k| entry.get(k).is_some());
        let extras = entry.get("extras").and_then(Value::as_array);
        let asked = Asked {
            extras: extras.into_iter().flat_map(Array::iter).filter_map(Value::as_str).map(normal).collect(),
            specifiers: (!address).then(|| specifiers(text("specifier").unwrap_or_default())),
            marked: text("marker").is_some_and(|m| !m.starts_with("extra ==")),
        };
        locked.entry(normal(text("name")?)).or_default().insert(asked);
    }
    compare(&wanted, &locked, sources)
}

fn compare(wanted: &Requirements, locked: &Requirements, sources: &BTreeSet<String>) -> Option<String> {
    if let Some(name) = wanted.keys().find(|n| !locked.contains_key(*n)) {
        return Some(format!("the project requires {name}, which the lock does not note"));
    }
    if let Some(name) = locked.keys().find(|n| !wanted.contains_key(*n)) {
        return Some(format!("the lock notes {name}, which the project does not require any more"));
    }
    // Where a source comes from is noted in the specifiers' stead, in uv's own way.
    for (name, asked) in wanted.iter().filter(|(name, _)| !sources.contains(*name)) {
        let noted = locked.get(name)?;
        let set =
            |all: &BTreeSet<Asked>, of: fn(&Asked) -> String| all.iter().map(of).collect::<BTreeSet<_>>();
        let any = |all: &BTreeSet<Asked>, is: fn(&Asked) -> bool| all.iter().any(is);
        // uv leaves markers out that always hold, and writes addresses its own way: only their absence is compared.
        let addresses = any(asked, |a| a.specifiers.is_none());
        if addresses != any(noted, |a| a.specifiers.is_none()) && (addresses || !any(noted, |a| a.marked)) {
            return Some(format!("{name} comes from another place than the lock notes"));
        }
        if !addresses
            && set(asked, |a| format!("{:?}", a.specifiers)) != set(noted, |a| format!("{:?}", a.specifiers))
        {
            return Some(format!(
                "the version of {name} that the project requires is not the one that the lock notes"
            ));
        }
        if set(asked, |a| format!("{:?}", a.extras)) != set(noted, |a| format!("{:?}", a.extras)) {
            return Some(format!(
                "the extras of {name} that the project requires are not those that the lock notes"
            ));
        }
        if !any(asked, |a| a.marked) && any(noted, |a| a.marked) {
            return Some(format!(
                "the lock notes {name} for some environments only, the project requires it for all"
            ));
        }
    }
    None
}

/// The packages that come from a source of the project's own choice.
fn sources(project: &Table) -> BTreeSet<String> {
    let table = project.get("tool").and_then(|t| t.get("uv")).and_then(|uv| uv.get("sources"));
    table
        .and_then(Item::as_table_like)
        .into_iter()
        .flat_map(|t| t.iter())
        .map(|(name, _)| normal(name))
        .collect()
}

/// The extras of the project, and those that the lock notes.
fn extras(project: &dyn toml_edit::TableLike, metadata: Option<&Table>) -> Option<String> {
    let noted = metadata?.get("provides-extras")?.as_array()?;
    let noted: BTreeSet<String> = noted.iter().filter_map(Value::as_str).map(normal).collect();
    let own = project.get("optional-dependencies").and_then(Item::as_table_like);
    let own: BTreeSet<String> =
        own.into_iter().flat_map(|t| t.iter()).map(|(name, _)| normal(name)).collect();
    let other = own.symmetric_difference(&noted).next()?;
    Some(format!("the extra {other} is only in one of them"))
}

fn groups(project: &Table, metadata: Option<&Table>) -> Option<String> {
    let of_uv = project.get("tool").and_then(|t| t.get("uv")).and_then(|uv| uv.get("dev-dependencies"));
    if of_uv.is_some() {
        return None;
    }
    let declared = project.get("dependency-groups").and_then(Item::as_table_like);
    let noted = metadata.and_then(|m| m.get("requires-dev")).and_then(Item::as_table_like);
    let names = |table: Option<&dyn toml_edit::TableLike>| -> BTreeSet<String> {
        table.into_iter().flat_map(|t| t.iter()).map(|(name, _)| normal(name)).collect()
    };
    if let Some(other) = names(declared).symmetric_difference(&names(noted)).next() {
        return Some(format!("the group {other} is only in one of them"));
    }
    let sources = sources(project);
    for (group, items) in declared.into_iter().flat_map(|t| t.iter()) {
        let items = items.as_array()?;
        // What other groups bring is left to uv.
        let texts: Option<Vec<String>> = items.iter().map(|v| v.as_str().map(str::to_owned)).collect();
        let Some(texts) = texts else { continue };
        let of_lock = noted.and_then(|n| n.get(group)).and_then(Item::as_array);
        if let Some(difference) = requirements(&texts, of_lock, &sources) {
            return Some(format!("in the group {group}, {difference}"));
        }
    }
    None
}

/// A requirement's name, and what is asked of it. `None` for what is no requirement.
fn parse(requirement: &str) -> Option<(String, Asked)> {
    let (text, marked) = match requirement.split_once(';') {
        Some((text, _)) => (text.trim(), true),
        None => (requirement.trim(), false),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    let mut rest = text[end..].trim();
    let mut extras = BTreeSet::new();
    if let Some(inner) = rest.strip_prefix('[') {
        let (names, after) = inner.split_once(']')?;
        extras = names.split(',').map(str::trim).filter(|n| !n.is_empty()).map(normal).collect();
        rest = after.trim();
    }
    let plain = rest.trim_start_matches('(').trim_end_matches(')');
    let specifiers = (!rest.starts_with('@')).then(|| specifiers(plain));
    Some((normal(&text[..end]), Asked { extras, specifiers, marked }))
}

/// The specifiers of a text; `1.0` and `1` are the same version, but for what counts its parts.
fn specifiers(text: &str) -> BTreeSet<String> {
    let one = |s: &str| {
        let plain: String = s.chars().filter(|c| !c.is_whitespace()).collect();
        let counts = plain.starts_with("~=") || plain.starts_with("===") || plain.contains('*');
        let mut short = plain.as_str();
        while let Some(rest) = short.strip_suffix(".0").filter(|_| !counts) {
            short = rest;
        }
        short.to_owned()
    };
    text.split(',').map(one).filter(|s: &String| !s.is_empty()).collect()
}

/// `1.0` and `1` are the same version.
fn same_version(a: &str, b: &str) -> bool {
    let parse = |v: &str| v.trim_start_matches('v').split('.').map(str::to_owned).collect::<Vec<_>>();
    let (mut a, mut b) = (parse(a), parse(b));
    for parts in [&mut a, &mut b] {
        while parts.last().is_some_and(|p| p == "0") {
            parts.pop();
        }
    }
    a == b || a.iter().chain(&b).any(|p| p.chars().any(|c| !c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 1
requires-python = ">=3.10"
[[package]]
name = "train"
version = "1.0"
source = { virtual = "." }
[package.metadata]
requires-dist = [{ name = "httpx", specifier = ">=0.2,<1" }, { name = "rich", marker = "extra == 'cli'" }]
[package.metadata.requires-dev]
dev = [{ name = "pytest" }]
"#;

    fn project(dependencies: &str) -> String {
        format!(
            "[project]\nname = \"Train\"\nversion = \"1.0\"\nrequires-python = \">=3.10\"\ndependencies = [{dependencies}]\n\
             [project.optional-dependencies]\ncli = [\"rich\"]\n[dependency-groups]\ndev = [\"pytest\"]\n"
        )
    }

    #[test]
    fn a_lock_of_its_project_is_fresh() {
        assert_eq!(difference(&project("\"httpx<1,>=0.2\""), LOCK), None);
    }

    #[test]
    fn what_changed_is_told() {
        let told = |dependencies: &str| difference(&project(dependencies), LOCK).unwrap_or_default();
        assert!(told("\"httpx<1,>=0.2\", \"pandas\"").contains("requires pandas"));
        assert!(told("").contains("notes httpx"));
        assert!(told("\"httpx<2\"").contains("version of httpx"));
        let newer = project("\"httpx<1,>=0.2\"").replace("3.10", "3.12");
        assert!(difference(&newer, LOCK).is_some_and(|d| d.contains("requires-python")));
    }
}
