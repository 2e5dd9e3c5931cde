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
    requirements(&now, noted).or_else(|| groups(project.as_table(), metadata))
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

/// Each project's name with the sets of specifiers that are asked of it; `None` where a marker or an address is in it.
type Wanted = BTreeMap<String, BTreeSet<Option<BTreeSet<String>>>>;

fn requirements(now: &[String], noted: Option<&Array>) -> Option<String> {
    let (mut wanted, mut locked): (Wanted, Wanted) = Default::default();
    for requirement in now {
        let (name, specifier) = parse(requirement)?;
        wanted.entry(name).or_default().insert(specifier);
    }
    for entry in noted.into_iter().flat_map(Array::iter).filter_map(Value::as_inline_table) {
        let text = |key| entry.get(key).and_then(Value::as_str);
        let plain = entry.iter().all(|(key, _)| matches!(key, "name" | "specifier" | "extras"))
            || text("marker").is_some_and(|m| m.starts_with("extra ==") && entry.get("index").is_none());
        let specifier = plain.then(|| specifiers(text("specifier").unwrap_or_default()));
        locked.entry(normal(text("name")?)).or_default().insert(specifier);
    }
    compare(&wanted, &locked)
}

fn compare(wanted: &Wanted, locked: &Wanted) -> Option<String> {
    if let Some(name) = wanted.keys().find(|n| !locked.contains_key(*n)) {
        return Some(format!("the project requires {name}, which the lock does not note"));
    }
    if let Some(name) = locked.keys().find(|n| !wanted.contains_key(*n)) {
        return Some(format!("the lock notes {name}, which the project does not require any more"));
    }
    for (name, specifiers) in wanted {
        let noted = locked.get(name)?;
        let known = |all: &BTreeSet<Option<BTreeSet<String>>>| all.iter().all(Option::is_some);
        if known(specifiers) && known(noted) && specifiers != noted {
            return Some(format!(
                "the version of {name} that the project requires is not the one that the lock notes"
            ));
        }
    }
    None
}

fn groups(project: &Table, metadata: Option<&Table>) -> Option<String> {
    let declared = project.get("dependency-groups").and_then(Item::as_table_like);
    let noted = metadata.and_then(|m| m.get("requires-dev")).and_then(Item::as_table_like);
    for (group, items) in declared.into_iter().flat_map(|t| t.iter()) {
        let items = items.as_array()?;
        // What other groups bring is left to uv.
        let texts: Option<Vec<String>> = items.iter().map(|v| v.as_str().map(str::to_owned)).collect();
        let Some(texts) = texts else { continue };
        let of_lock = noted.and_then(|n| n.get(group)).and_then(Item::as_array);
        if let Some(difference) = requirements(&texts, of_lock) {
            return Some(format!("in the group {group}, {difference}"));
        }
    }
    None
}

/// A requirement's name, and its specifiers where nothing else is in it. `None` for what is none.
fn parse(requirement: &str) -> Option<(String, Option<BTreeSet<String>>)> {
    let text = requirement.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    let name = normal(&text[..end]);
    let mut rest = text[end..].trim();
    if let Some(inner) = rest.strip_prefix('[') {
        rest = inner.split_once(']')?.1.trim();
    }
    let plain = !rest.contains([';', '@', '(']);
    Some((name, plain.then(|| specifiers(rest))))
}

fn specifiers(text: &str) -> BTreeSet<String> {
    text.split(',')
        .map(|s| s.chars().filter(|c| !c.is_whitespace()).collect())
        .filter(|s: &String| !s.is_empty())
        .collect()
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
