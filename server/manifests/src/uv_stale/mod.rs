//! Whether a uv.lock was made for its pyproject.toml: what uv notes in the lock of the project itself, compared with
//! what the project says now, as `uv lock --check` of uv 0.13.8 does it.
//!
//! Only what is certain is told: dynamic dependencies and workspaces are left to uv.

mod asked;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use toml_edit::{Array, Document, Item, Table, TableLike, Value};

use crate::manifest::{Dependency, Form, Format, Manifest};
use crate::memo::Memo;
use crate::pins::normalised as normal;
use crate::requirement::canonical_specifiers;
use crate::toml_source::Source;
use asked::{Asked, Origin};

/// What a lock and its project differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// In words.
    pub message: String,
    /// Where the project says it, in bytes of pyproject.toml.
    pub range: Range<usize>,
}

/// The first difference between a lock and its project; `None` where none is certain.
///
/// `other_settings` tells that a uv.toml takes the place of the project's settings of uv.
#[must_use]
pub fn difference(pyproject: &str, lock: &Arc<str>, other_settings: bool) -> Option<Difference> {
    static KNOWN: Memo<Result<Noted, String>> = Memo::new();
    let manifest = Manifest::read(Format::Project, pyproject)?;
    let source = manifest.source.as_ref()?;
    // Half-typed text is not compared.
    if !source.faults.is_empty() {
        return None;
    }
    let own = source.at(&["project"])?.as_table_like()?;
    let noted = KNOWN.of(lock, "", || noted(lock));
    let (lock, version) = match &*noted {
        Ok((lock, version)) => (lock, *version),
        Err(message) => {
            return Some(Difference { message: message.clone(), range: source.key(&["project", "name"])? });
        }
    };
    if version > 1 {
        let message = format!("its format is version {version}, of which uv 0.13 knows only 1");
        return Some(Difference { message, range: source.key(&["project", "name"])? });
    }
    let dynamic: Vec<&str> =
        own.get("dynamic").and_then(Item::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let is_left = source.at(&["tool", "uv", "workspace"]).is_some()
        || lock.get("manifest").is_some_and(|m| m.get("members").is_some());
    if is_left || dynamic.iter().any(|d| *d != "version") {
        return None;
    }
    let root = lock.get("package").and_then(Item::as_array_of_tables)?.iter().next()?.clone();
    let project = Project { manifest: &manifest, source, lock: lock.as_table(), root: &root };
    project
        .identity(&dynamic)
        .or_else(|| project.dependencies())
        .or_else(|| project.extras())
        .or_else(|| project.groups())
        .or_else(|| (!other_settings).then(|| project.settings())?)
}

/// The head of a lock with the package that is the project itself, and the version of the format.
type Noted = (Document<String>, i64);

/// The head of a lock and the package that is the project itself, and the version of the format.
fn noted(lock: &str) -> Result<Noted, String> {
    let lock = lock.strip_prefix('\u{feff}').unwrap_or(lock);
    const PACKAGE: &str = "[[package]]";
    let starts: Vec<usize> = lock.match_indices("\n[[package]]").map(|(at, _)| at + 1).collect();
    let head = &lock[..starts.first().copied().unwrap_or(lock.len())];
    let ends = starts.iter().skip(1).copied().chain([lock.len()]);
    let is_root = |package: &&str| {
        let source = package.lines().find(|l| l.starts_with("source = "));
        source.is_some_and(|s| {
            ["virtual", "editable", "directory"].iter().any(|k| s.contains(&format!("{{ {k} = \".\" }}")))
        })
    };
    let root = starts.iter().zip(ends).map(|(s, e)| &lock[*s..e]).find(is_root).unwrap_or(PACKAGE);
    let text = format!("{head}\n{root}");
    let document = Document::parse(text).map_err(|_| "it is no TOML".to_owned())?;
    let version = document.get("version").and_then(Item::as_integer).unwrap_or(1);
    Ok((document, version))
}

struct Project<'a> {
    manifest: &'a Manifest,
    source: &'a Source,
    lock: &'a Table,
    root: &'a Table,
}

fn string(item: Option<&Item>) -> Option<String> {
    item.and_then(Item::as_str).map(str::to_owned)
}

impl Project<'_> {
    fn at(&self, path: &[&str], message: String) -> Option<Difference> {
        let name = || self.source.key(&["project", "name"]);
        let range = self.source.text_at(path).map(|t| t.range);
        Some(Difference { message, range: range.or_else(|| self.source.key(path)).or_else(name)? })
    }

    fn identity(&self, dynamic: &[&str]) -> Option<Difference> {
        let name = self.source.text_at(&["project", "name"])?.value;
        let locked = self.root.get("name").and_then(Item::as_str)?;
        if normal(&name) != locked {
            let message = format!("the project is called {}, in the lock {locked}", normal(&name));
            return self.at(&["project", "name"], message);
        }
        let now = self.source.text_at(&["project", "version"]).map(|t| t.value);
        match (now, string(self.root.get("version"))) {
            (Some(now), Some(locked)) if !same_version(&now, &locked) => {
                let message = format!("the project has version {now}, in the lock {locked}");
                return self.at(&["project", "version"], message);
            }
            (None, Some(locked)) if dynamic.contains(&"version") => {
                let message = format!("the project's version is dynamic, in the lock it is {locked}");
                return self.at(&["project", "dynamic"], message);
            }
            (Some(now), None) => {
                let message = format!("the project has version {now}, the lock notes none");
                return self.at(&["project", "version"], message);
            }
            _ => {}
        }
        let is_package = self.source.at(&["tool", "uv", "package"]).and_then(Item::as_bool);
        let has_build = self.source.at(&["build-system"]).is_some();
        let kind = self.root.get("source").and_then(Item::as_inline_table);
        let is_virtual = kind.is_some_and(|s| s.contains_key("virtual"));
        if is_package.unwrap_or(has_build) == is_virtual {
            let path: &[&str] = if has_build { &["build-system"] } else { &["project", "name"] };
            let message = "whether the project itself is installed is not what the lock notes".to_owned();
            return self.at(path, message);
        }
        let now = self.source.text_at(&["project", "requires-python"]).map(|t| t.value);
        if let (Some(now), Some(locked)) = (now, string(self.lock.get("requires-python")))
            && canonical_specifiers(&now)? != canonical_specifiers(&locked)?
        {
            let message = format!("requires-python is {now}, in the lock {locked}");
            return self.at(&["project", "requires-python"], message);
        }
        None
    }

    fn metadata(&self) -> Option<&dyn TableLike> {
        self.root.get("metadata").and_then(Item::as_table_like)
    }

    /// The project's requirements in a list, with those that other groups bring.
    fn listed(&self, list: &str) -> Vec<&Dependency> {
        let all = self.manifest.dependencies.iter();
        all.filter(|d| d.list == list && d.form == Form::Requirement).collect()
    }

    fn dependencies(&self) -> Option<Difference> {
        let mut now: Vec<(&Dependency, Option<String>)> =
            self.listed("project.dependencies").into_iter().map(|d| (d, None)).collect();
        const EXTRAS: &str = "project.optional-dependencies.";
        for dependency in &self.manifest.dependencies {
            if let Some(extra) = dependency.list.strip_prefix(EXTRAS) {
                now.push((dependency, Some(normal(extra))));
            }
        }
        let noted = self.metadata().and_then(|m| m.get("requires-dist")).and_then(Item::as_array);
        self.compare(&now, noted, &["project", "dependencies"], "the project requires")
    }

    fn extras(&self) -> Option<Difference> {
        let noted = self.metadata()?.get("provides-extras")?.as_array()?;
        let noted: BTreeSet<String> = noted.iter().filter_map(Value::as_str).map(normal).collect();
        let path = ["project", "optional-dependencies"];
        let own = self.source.at(&path).and_then(Item::as_table_like);
        let own: BTreeSet<String> = own.into_iter().flat_map(|t| t.iter()).map(|(n, _)| normal(n)).collect();
        let other = own.symmetric_difference(&noted).next()?;
        let told =
            if own.contains(other) { "the lock does not note" } else { "the project does not have any more" };
        self.at(&path, format!("there is an extra {other} that {told}"))
    }

    fn groups(&self) -> Option<Difference> {
        let path = ["dependency-groups"];
        let declared = self.source.at(&path).and_then(Item::as_table_like);
        let noted = self.metadata().and_then(|m| m.get("requires-dev")).and_then(Item::as_table_like);
        let mut names: BTreeSet<String> =
            declared.into_iter().flat_map(|t| t.iter()).map(|(n, _)| normal(n)).collect();
        if !self.listed("tool.uv.dev-dependencies").is_empty() {
            names.insert("dev".to_owned());
        }
        let locked: BTreeSet<String> =
            noted.into_iter().flat_map(|t| t.iter()).map(|(n, _)| normal(n)).collect();
        if let Some(other) = names.symmetric_difference(&locked).next() {
            let told = if names.contains(other) {
                "the lock does not note"
            } else {
                "the project does not have any more"
            };
            return self.at(&path, format!("there is a group {other} that {told}"));
        }
        for group in &names {
            let mut now = Vec::new();
            self.expand(group, &mut BTreeSet::new(), &mut now)?;
            if group == "dev" {
                now.extend(self.listed("tool.uv.dev-dependencies"));
            }
            let now: Vec<(&Dependency, Option<String>)> = now.into_iter().map(|d| (d, None)).collect();
            let of_lock = noted.and_then(|n| n.iter().find(|(k, _)| normal(k) == *group));
            let of_lock = of_lock.and_then(|(_, item)| item.as_array());
            let place = self.source.at(&path).and_then(Item::as_table_like);
            let key =
                place.and_then(|t| t.iter().find(|(k, _)| normal(k) == *group)).map(|(k, _)| k.to_owned());
            let key = key.unwrap_or_default();
            let asks = format!("the group {group} requires");
            if let Some(found) = self.compare(&now, of_lock, &["dependency-groups", &key], &asks) {
                return Some(found);
            }
        }
        None
    }

    /// The requirements of a group, and of those that it includes; `None` where it names one that is not there.
    fn expand<'p>(
        &'p self,
        group: &str,
        seen: &mut BTreeSet<String>,
        into: &mut Vec<&'p Dependency>,
    ) -> Option<()> {
        if !seen.insert(group.to_owned()) {
            return Some(());
        }
        let table = self.source.at(&["dependency-groups"]).and_then(Item::as_table_like);
        let found = table.and_then(|t| t.iter().find(|(name, _)| normal(name) == group));
        let Some((name, items)) = found else { return (group == "dev").then_some(()) };
        into.extend(self.listed(&format!("dependency-groups.{name}")));
        for item in items.as_array().into_iter().flatten() {
            if let Some(table) = item.as_inline_table() {
                self.expand(&normal(table.get("include-group")?.as_str()?), seen, into)?;
            }
        }
        Some(())
    }

    fn compare(
        &self,
        now: &[(&Dependency, Option<String>)],
        noted: Option<&Array>,
        list: &[&str],
        asks: &str,
    ) -> Option<Difference> {
        let sources = self.sources();
        let mut wanted: BTreeMap<String, (BTreeSet<Asked>, Range<usize>)> = BTreeMap::new();
        for (dependency, extra) in now {
            let asked = Asked::of(&dependency.text, extra.as_deref(), sources.get(&dependency.name))?;
            let (all, _) = wanted
                .entry(dependency.name.clone())
                .or_insert_with(|| (BTreeSet::new(), dependency.range.clone()));
            all.insert(asked);
        }
        let mut locked: BTreeMap<String, BTreeSet<Asked>> = BTreeMap::new();
        for entry in noted.into_iter().flatten().filter_map(Value::as_inline_table) {
            let name = normal(entry.get("name").and_then(Value::as_str)?);
            locked.entry(name).or_default().insert(Asked::noted(entry)?);
        }
        for (name, (asked, range)) in &wanted {
            let Some(noted) = locked.get(name) else {
                let message = format!("{asks} {name}, which the lock does not note");
                return Some(Difference { message, range: range.clone() });
            };
            if let Some(what) = Asked::differ(asked, noted) {
                let message = format!("{asks} {name} {what}");
                return Some(Difference { message, range: range.clone() });
            }
        }
        let gone = locked.keys().find(|name| !wanted.contains_key(*name))?;
        self.at(list, format!("the lock notes {gone}, which is not required here any more"))
    }

    /// Where packages come from by the project's own choice; `None` for what is not compared.
    fn sources(&self) -> BTreeMap<String, Option<Origin>> {
        let table = self.source.at(&["tool", "uv", "sources"]).and_then(Item::as_table_like);
        let each = table.into_iter().flat_map(|t| t.iter());
        each.map(|(name, item)| (normal(name), item.as_table_like().and_then(Origin::of_source))).collect()
    }

    fn settings(&self) -> Option<Difference> {
        let manifest = self.lock.get("manifest").and_then(Item::as_table_like);
        for (list, noted) in
            [("constraint-dependencies", "constraints"), ("override-dependencies", "overrides")]
        {
            let now: Vec<(&Dependency, Option<String>)> =
                self.listed(&format!("tool.uv.{list}")).into_iter().map(|d| (d, None)).collect();
            let noted = manifest.and_then(|m| m.get(noted)).and_then(Item::as_array);
            let path = ["tool", "uv", list];
            if let Some(found) = self.compare(&now, noted, &path, &format!("{list} has")) {
                return Some(found);
            }
        }
        let options = self.lock.get("options").and_then(Item::as_table_like);
        for (setting, noted, default) in [
            ("resolution", "resolution-mode", "highest"),
            ("prerelease", "prerelease-mode", "if-necessary-or-explicit"),
            ("exclude-newer", "exclude-newer", ""),
        ] {
            let path = ["tool", "uv", setting];
            // What is not set here may be set for the user.
            let Some(now) = self.source.text_at(&path) else { continue };
            let locked = string(options.and_then(|o| o.get(noted)));
            let same = match &locked {
                None => now.value == default,
                // A later cutoff leaves the lock as it is. A day, or a span of time, is noted as a moment.
                Some(locked) if setting == "exclude-newer" => {
                    !now.value.ends_with('Z') || now.value >= *locked
                }
                Some(locked) => *locked == now.value,
            };
            if !same {
                let locked = locked.unwrap_or_else(|| "not set".to_owned());
                return self.at(&path, format!("{setting} is {}, in the lock {locked}", now.value));
            }
        }
        for (setting, noted) in [("environments", "supported-markers"), ("conflicts", "conflicts")] {
            let path = ["tool", "uv", setting];
            let is_set = self.source.at(&path).and_then(Item::as_array).is_some_and(|a| !a.is_empty());
            if is_set != self.lock.get(noted).is_some() {
                let told =
                    if is_set { "set, and not noted in the lock" } else { "not set, but noted in the lock" };
                return self
                    .at(if is_set { &path } else { &["project", "name"] }, format!("{setting} is {told}"));
            }
        }
        None
    }
}

/// `1.0` and `1` are the same version.
fn same_version(a: &str, b: &str) -> bool {
    let parse = |v: &str| v.parse::<pep440_rs::Version>().ok();
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 1
requires-python = ">=3.10"

[[package]]
name = "httpx"
version = "0.3"

[[package]]
name = "train"
version = "1.0"
source = { virtual = "." }

[package.metadata]
requires-dist = [{ name = "httpx", specifier = ">=0.2,<1" }, { name = "rich", marker = "extra == 'cli'" }]
provides-extras = ["cli"]

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
        assert_eq!(difference(&project("\"httpx<1,>=0.2\""), &LOCK.into(), false), None);
    }

    #[test]
    fn what_changed_is_told_where_it_stands() {
        let told = |dependencies: &str| {
            let project = project(dependencies);
            let found = difference(&project, &LOCK.into(), false).expect("a difference");
            (found.message, project[found.range].to_owned())
        };
        let (message, place) = told("\"httpx<1,>=0.2\", \"pandas\"");
        assert_eq!(
            (message.as_str(), place.as_str()),
            ("the project requires pandas, which the lock does not note", "\"pandas\"")
        );
        let (message, place) = told("");
        assert!(message.contains("notes httpx") && place == "dependencies", "{message} {place}");
        let (message, place) = told("\"httpx<2\"");
        assert!(message.contains("httpx in another version") && place == "\"httpx<2\"", "{message} {place}");
        let (message, _) = told("\"httpx<1,>=0.2; python_version<'3'\"");
        assert!(message.contains("other environments"), "{message}");
        let newer = project("\"httpx<1,>=0.2\"").replace("3.10", "3.12");
        assert!(difference(&newer, &LOCK.into(), false).is_some_and(|d| &newer[d.range] == "\">=3.12\""));
    }
}
