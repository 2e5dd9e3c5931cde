//! uv.lock, as far as an image depends on it: which local projects are installed editable.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use toml_edit::{Array, Document, Item, Table, Value};

use crate::memo::Memo;

/// Why the editable dependencies cannot be told from the files alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided(pub String);

/// The paths that `uv export --no-emit-project` prints after `-e`, in its order.
///
/// `pyproject` is the text of the project's pyproject.toml, `lock` that of the uv.lock beside it. The dependency
/// graph is followed from the project itself with its default groups and without extras, as the command does.
///
/// # Errors
/// [`Undecided`] where the command would have to resolve first: no lock although local sources are declared, or a
/// lock that does not name the project.
pub fn editable_dependencies(pyproject: &str, lock: Option<&Arc<str>>) -> Result<Vec<String>, Undecided> {
    static KNOWN: Memo<Result<Vec<String>, Undecided>> = Memo::new();
    match lock {
        None => followed(pyproject, None),
        Some(lock) => Result::clone(&KNOWN.of(lock, pyproject, || followed(pyproject, Some(lock)))),
    }
}

fn followed(pyproject: &str, lock: Option<&str>) -> Result<Vec<String>, Undecided> {
    let project =
        Document::parse(pyproject).map_err(|_| Undecided("pyproject.toml is not TOML".to_owned()))?;
    let Some(lock) = lock else {
        return if declares_local_sources(project.as_table()) {
            Err(Undecided(
                "there is no uv.lock, so the editable dependencies are known only after `uv lock`".to_owned(),
            ))
        } else {
            Ok(Vec::new())
        };
    };
    let lock = Document::parse(lock).map_err(|_| Undecided("uv.lock is not TOML".to_owned()))?;
    let Some(packages) = lock.get("package").and_then(Item::as_array_of_tables) else {
        return Ok(Vec::new());
    };
    let packages: Vec<Package<'_>> = packages.iter().map(Package::new).collect();
    if packages.iter().all(|p| p.editable.is_none_or(|path| path == ".")) {
        return Ok(Vec::new());
    }
    let Some(root) = packages.iter().position(Package::is_root) else {
        return Err(Undecided("uv.lock does not name the project beside it".to_owned()));
    };
    Ok(export(&packages, root, &default_groups(project.as_table())))
}

struct Package<'a> {
    name: &'a str,
    table: &'a Table,
    editable: Option<&'a str>,
    version: Option<&'a str>,
}

impl<'a> Package<'a> {
    fn new(table: &'a Table) -> Self {
        let source = table.get("source").and_then(Item::as_inline_table);
        let editable = source.and_then(|s| s.get("editable")).and_then(Value::as_str);
        let text = |key| table.get(key).and_then(Item::as_str);
        Self { name: text("name").unwrap_or_default(), table, editable, version: text("version") }
    }

    fn is_root(&self) -> bool {
        let source = self.table.get("source").and_then(Item::as_inline_table);
        ["virtual", "editable", "directory"]
            .iter()
            .any(|kind| source.and_then(|s| s.get(kind)).and_then(Value::as_str) == Some("."))
    }

    fn dependencies(&self, within: &[&str]) -> Option<&'a Array> {
        let mut item = self.table.get(within.first()?)?;
        for key in &within[1..] {
            item = item.get(key)?;
        }
        item.as_array()
    }
}

fn export(packages: &[Package<'_>], root: usize, groups: &[String]) -> Vec<String> {
    let mut seen: BTreeSet<(usize, Option<String>)> = BTreeSet::from([(root, None)]);
    let mut queue: VecDeque<(usize, Option<String>)> = VecDeque::from([(root, None)]);
    let mut paths: BTreeSet<String> = BTreeSet::new();
    while let Some((index, extra)) = queue.pop_front() {
        let package = &packages[index];
        if index != root
            && let Some(path) = package.editable
        {
            paths.insert(path.to_owned());
        }
        let mut lists: Vec<&Array> = Vec::new();
        match &extra {
            None => lists.extend(package.dependencies(&["dependencies"])),
            Some(extra) => lists.extend(package.dependencies(&["optional-dependencies", extra])),
        }
        if index == root {
            lists.extend(groups.iter().filter_map(|g| package.dependencies(&["dev-dependencies", g])));
        }
        for dependency in lists.into_iter().flat_map(Array::iter).filter_map(Value::as_inline_table) {
            let text = |key| dependency.get(key).and_then(Value::as_str);
            let extras = dependency.get("extra").and_then(Value::as_array);
            let matching = packages.iter().enumerate().filter(|(_, p)| {
                Some(p.name) == text("name") && (text("version").is_none() || text("version") == p.version)
            });
            for (target, _) in matching {
                let mut targets = vec![(target, None)];
                for extra in extras.into_iter().flat_map(Array::iter).filter_map(Value::as_str) {
                    targets.push((target, Some(extra.to_owned())));
                }
                for next in targets {
                    if seen.insert(next.clone()) {
                        queue.push_back(next);
                    }
                }
            }
        }
    }
    paths.into_iter().map(|path| anchored(&path)).collect()
}

/// uv prints relative paths with a leading `./` unless they already begin with a dot.
fn anchored(path: &str) -> String {
    if path.starts_with('/')
        || path.starts_with("./")
        || path.starts_with("../")
        || path == "."
        || path == ".."
    {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

fn default_groups(project: &Table) -> Vec<String> {
    let configured = project.get("tool").and_then(|t| t.get("uv")).and_then(|uv| uv.get("default-groups"));
    match configured {
        Some(item) if item.as_str() == Some("all") => project
            .get("dependency-groups")
            .and_then(Item::as_table_like)
            .map(|groups| groups.iter().map(|(name, _)| name.to_owned()).collect())
            .unwrap_or_default(),
        Some(item) => item
            .as_array()
            .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default(),
        None => vec!["dev".to_owned()],
    }
}

fn declares_local_sources(project: &Table) -> bool {
    let Some(uv) = project.get("tool").and_then(|t| t.get("uv")) else { return false };
    if uv.get("workspace").is_some() {
        return true;
    }
    let Some(sources) = uv.get("sources").and_then(Item::as_table_like) else { return false };
    sources.iter().any(|(_, source)| {
        let local = |t: &dyn toml_edit::TableLike| t.contains_key("path") || t.contains_key("workspace");
        match source {
            Item::Value(Value::Array(list)) => {
                list.iter().filter_map(Value::as_inline_table).any(|t| local(t))
            }
            item => item.as_table_like().is_some_and(local),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 1
[[package]]
name = "app"
source = { virtual = "." }
dependencies = [{ name = "zib", extra = ["all"] }]
[package.dev-dependencies]
dev = [{ name = "tool" }]
docs = [{ name = "unused" }]
[[package]]
name = "zib"
source = { editable = "zib" }
[package.optional-dependencies]
all = [{ name = "lib" }]
[[package]]
name = "lib"
source = { editable = "../lib" }
[[package]]
name = "tool"
source = { editable = "tool" }
[[package]]
name = "unused"
source = { editable = "unused" }
"#;

    #[test]
    fn follows_the_graph_with_default_groups() {
        let found = editable_dependencies("[project]\nname='app'", Some(&LOCK.into()));
        assert_eq!(found, Ok(vec!["../lib".to_owned(), "./tool".to_owned(), "./zib".to_owned()]));
    }

    #[test]
    fn without_a_lock_only_local_sources_are_undecided() {
        assert_eq!(editable_dependencies("[project]\nname='app'", None), Ok(vec![]));
        let sources = "[project]\nname='app'\n[tool.uv.sources]\nlib = { path = 'lib', editable = true }";
        assert!(editable_dependencies(sources, None).is_err());
    }
}
