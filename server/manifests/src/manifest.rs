//! What a file says of dependencies, whatever its format: script headers, requirements files, pyproject.toml, pixi.toml.
//!
//! All places are bytes of the file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{Item, TableLike};

use crate::header::{self, Header};
use crate::memo::Memo;
use crate::pins::normalised;
use crate::requirement::{self, Fault};
use crate::requirements_txt::{self, Entry};
use crate::toml_source::{Source, Text};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A Python file with a header.
    Script,
    /// A requirements file.
    Requirements,
    /// A pyproject.toml.
    Project,
    /// A pixi.toml.
    Pixi,
    /// A lock.
    Lock,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Requirements => "requirements",
            Self::Project => "project",
            Self::Pixi => "pixi",
            Self::Lock => "lock",
        }
    }

    /// The format of a file by its name; `None` for what is none of them. Every `.txt` may be a requirements file.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        match name {
            "pyproject.toml" => Some(Self::Project),
            "pixi.toml" => Some(Self::Pixi),
            "uv.lock" | "poetry.lock" | "pixi.lock" => Some(Self::Lock),
            _ if name.ends_with(".txt") => Some(Self::Requirements),
            _ if name.ends_with(".py.lock") => Some(Self::Lock),
            _ if name.ends_with(".py") => Some(Self::Script),
            _ => None,
        }
    }
}

/// How a dependency is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `"name>=1"`, as PEP 508 has it.
    Requirement,
    /// `name = "^1"`, as poetry and pixi have it.
    Entry,
}

/// A dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The project's name in its normal form; empty where there is none.
    pub name: String,
    /// Where the name is.
    pub name_range: Range<usize>,
    /// The requirement; of an entry its value.
    pub text: String,
    /// All of it, with quotes.
    pub range: Range<usize>,
    /// Where the characters of `text` are, if they are written as they are.
    pub inner: Option<Range<usize>>,
    /// The list or table that it is in: `dependencies`, `dependency-groups.dev`.
    pub list: String,
    /// How it is written.
    pub form: Form,
}

impl Dependency {
    fn new(text: Text, list: &str) -> Self {
        let (name, name_range) = match requirement::parts(&text.value) {
            Some(parts) => {
                let place = text.inner.as_ref().map_or(text.range.clone(), |inner| {
                    inner.start + parts.name.start..inner.start + parts.name.end
                });
                (normalised(&text.value[parts.name]), place)
            }
            None => (String::new(), text.range.clone()),
        };
        Self {
            name,
            name_range,
            text: text.value,
            range: text.range,
            inner: text.inner,
            list: list.to_owned(),
            form: Form::Requirement,
        }
    }

    /// The place of a part of the text; all of it where it is not written as it is.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Range<usize> {
        match &self.inner {
            Some(inner) if inner.start + range.end <= inner.end => {
                inner.start + range.start..inner.start + range.end
            }
            _ => self.range.clone(),
        }
    }

    fn moved(mut self, map: &impl Fn(Range<usize>) -> Range<usize>) -> Self {
        self.name_range = map(self.name_range);
        self.range = map(self.range);
        self.inner = self.inner.map(map);
        self
    }
}

/// What a file says.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What it is.
    pub format: Format,
    /// The dependencies, in the order of the file.
    pub dependencies: Vec<Dependency>,
    /// `requires-python`.
    pub requires_python: Option<Text>,
    /// What cannot be read of its TOML, or has the wrong type.
    pub faults: Vec<Fault>,
    /// A script's header.
    pub header: Option<Header>,
    /// The TOML; a header's without its comment signs.
    pub source: Option<Source>,
    /// A requirements file's lines.
    pub entries: Vec<Entry>,
}

/// The lists of requirements of a pyproject.toml: each path, and whether it is a table of lists.
const LISTS: &[(&[&str], bool)] = &[
    (&["project", "dependencies"], false),
    (&["project", "optional-dependencies"], true),
    (&["dependency-groups"], true),
    (&["tool", "uv", "dev-dependencies"], false),
    (&["tool", "uv", "constraint-dependencies"], false),
    (&["tool", "uv", "override-dependencies"], false),
    (&["build-system", "requires"], false),
];

/// The tables of entries of a pyproject.toml.
const TABLES: &[&[&str]] = &[
    &["tool", "poetry", "dependencies"],
    &["tool", "poetry", "dev-dependencies"],
    &["tool", "pixi", "dependencies"],
    &["tool", "pixi", "pypi-dependencies"],
];

impl Manifest {
    /// Reads a file. The text must not begin with a byte order mark. `None` for a Python file without a header, and for
    /// locks, which are read by [`crate::locks`].
    #[must_use]
    pub fn read(format: Format, text: &str) -> Option<Self> {
        match format {
            Format::Script => header::find(text).map(Self::of_header),
            Format::Requirements => Some(Self::of_requirements(text)),
            Format::Project => Some(Self::of_project(text)),
            Format::Pixi => Some(Self::of_pixi(text)),
            Format::Lock => None,
        }
    }

    /// The same, kept as long as somebody holds the text: who reads a file again only when it changed reads what it says
    /// once.
    #[must_use]
    pub fn shared(format: Format, text: &Arc<str>) -> Option<Arc<Self>> {
        static KNOWN: Memo<Option<Arc<Manifest>>> = Memo::new();
        Option::clone(&KNOWN.of(text, format.name(), || Self::read(format, text).map(Arc::new)))
    }

    fn empty(format: Format) -> Self {
        Self {
            format,
            dependencies: Vec::new(),
            requires_python: None,
            faults: Vec::new(),
            header: None,
            source: None,
            entries: Vec::new(),
        }
    }

    /// What a header says.
    #[must_use]
    pub fn of_header(header: Header) -> Self {
        let source = Source::read(&header.content.text);
        let map = |range: Range<usize>| header.content.range(range);
        let list = source.at(&["dependencies"]).map(|item| source.texts(item)).unwrap_or_default();
        let dependencies =
            list.into_iter().map(|text| Dependency::new(text, "dependencies").moved(&map)).collect();
        let requires_python = source.text_at(&["requires-python"]).map(|text| Text {
            value: text.value,
            range: map(text.range),
            inner: text.inner.map(map),
        });
        let faults = source.faults.iter().cloned().chain(types(&source));
        let faults = faults.map(|f| Fault { message: f.message, range: map(f.range) }).collect();
        Self {
            dependencies,
            requires_python,
            faults,
            source: Some(source),
            header: Some(header),
            ..Self::empty(Format::Script)
        }
    }

    fn of_requirements(text: &str) -> Self {
        let entries = requirements_txt::read(text);
        let wanted = entries
            .iter()
            .filter(|e| matches!(e.kind, requirements_txt::Kind::Named | requirements_txt::Kind::Unnamed));
        let dependencies = wanted
            .map(|entry| {
                let value = text.get(entry.value.clone()).unwrap_or_default().to_owned();
                let text = Text { value, range: entry.value.clone(), inner: Some(entry.value.clone()) };
                let mut dependency = Dependency::new(text, "");
                if entry.kind == requirements_txt::Kind::Unnamed {
                    dependency.name = String::new();
                }
                dependency
            })
            .collect();
        Self { dependencies, entries, ..Self::empty(Format::Requirements) }
    }

    fn of_project(text: &str) -> Self {
        let source = Source::read(text);
        let mut dependencies = Vec::new();
        for (path, is_table) in LISTS {
            let Some(item) = source.at(path) else { continue };
            let name = path.join(".");
            if !is_table {
                dependencies.extend(source.texts(item).into_iter().map(|t| Dependency::new(t, &name)));
            }
            for (group, item) in item.as_table_like().filter(|_| *is_table).iter().flat_map(|t| t.iter()) {
                let name = format!("{name}.{group}");
                dependencies.extend(source.texts(item).into_iter().map(|t| Dependency::new(t, &name)));
            }
        }
        for path in TABLES {
            dependencies.extend(entries(&source, path));
        }
        let groups = source.at(&["tool", "poetry", "group"]).and_then(Item::as_table_like);
        for (group, _) in groups.iter().flat_map(|t| t.iter()) {
            dependencies.extend(entries(&source, &["tool", "poetry", "group", group, "dependencies"]));
        }
        dependencies.sort_by_key(|d| d.range.start);
        let requires_python = source.text_at(&["project", "requires-python"]);
        let faults = source.faults.clone();
        Self { dependencies, requires_python, faults, source: Some(source), ..Self::empty(Format::Project) }
    }

    fn of_pixi(text: &str) -> Self {
        let source = Source::read(text);
        let mut dependencies = entries(&source, &["dependencies"]);
        dependencies.extend(entries(&source, &["pypi-dependencies"]));
        let features = source.at(&["feature"]).and_then(Item::as_table_like);
        for (feature, _) in features.iter().flat_map(|t| t.iter()) {
            for table in ["dependencies", "pypi-dependencies"] {
                dependencies.extend(entries(&source, &["feature", feature, table]));
            }
        }
        dependencies.sort_by_key(|d| d.range.start);
        let faults = source.faults.clone();
        Self { dependencies, faults, source: Some(source), ..Self::empty(Format::Pixi) }
    }

    /// The dependency at a byte.
    #[must_use]
    pub fn dependency_at(&self, byte: usize) -> Option<&Dependency> {
        self.dependencies.iter().find(|d| d.range.start <= byte && byte <= d.range.end)
    }

    /// Whether flyte is among the dependencies, or something that brings it. Source: flyte's own plug-ins are called
    /// `flyteplugins-…`.
    #[must_use]
    pub fn brings_flyte(&self) -> bool {
        self.dependencies.iter().any(|d| brings_flyte(&d.name))
    }
}

/// Whether a project is flyte, or one of those that bring it.
#[must_use]
pub fn brings_flyte(name: &str) -> bool {
    name == "flyte" || name.starts_with("flyteplugins") || name == "union"
}

/// The entries of a table: `name = "^1"`, `name = { version = "^1" }`.
fn entries(source: &Source, path: &[&str]) -> Vec<Dependency> {
    let Some(table) = source.at(path).and_then(Item::as_table_like) else { return Vec::new() };
    let list = path.join(".");
    let each = table.iter().filter_map(|(name, item)| {
        let name_range = table.key(name)?.span()?;
        let version = item.as_value().and_then(|v| source.text(v)).or_else(|| {
            let table: &dyn TableLike = item.as_table_like()?;
            source.text(table.get("version")?.as_value()?)
        });
        let end = source.span(item).map_or(name_range.end, |s| s.end);
        Some(Dependency {
            name: normalised(name),
            range: name_range.start..end.max(name_range.end),
            name_range,
            inner: version.as_ref().and_then(|v| v.inner.clone()),
            text: version.map(|v| v.value).unwrap_or_default(),
            list: list.clone(),
            form: Form::Entry,
        })
    });
    each.collect()
}

/// What of a header has another type than uv asks for. Source: uv 0.13.8.
fn types(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut wrong = |item: &Item, message: String| {
        let range = source.span(item).unwrap_or(0..0);
        faults.push(Fault { message, range });
    };
    if let Some(item) = source.root().get("dependencies") {
        match item.as_array() {
            None => wrong(item, format!("dependencies is {}, not an array of strings", article(item))),
            Some(array) => {
                for value in array.iter().filter(|v| v.as_str().is_none()) {
                    let item = Item::Value(value.clone());
                    let range = source.span(&item).unwrap_or(0..0);
                    let message = format!("a dependency is {}, not a string", article(&item));
                    faults.push(Fault { message, range });
                }
            }
        }
    }
    if let Some(item) = source.root().get("requires-python").filter(|i| i.as_str().is_none()) {
        let message = format!("requires-python is {}, not a string", article(item));
        faults.push(Fault { message, range: source.span(item).unwrap_or(0..0) });
    }
    for path in [&["tool"][..], &["tool", "uv"]] {
        if let Some(item) = source.at(path).filter(|i| i.as_table_like().is_none()) {
            let message = format!("{} is {}, not a table", path.join("."), article(item));
            faults.push(Fault { message, range: source.span(item).unwrap_or(0..0) });
        }
    }
    faults
}

fn article(item: &Item) -> String {
    let kind = item.type_name();
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: Format, text: &str) -> Vec<String> {
        let manifest = Manifest::read(format, text).expect("a manifest");
        let each = manifest.dependencies.iter().map(|d| {
            assert_eq!(normalised(&text[d.name_range.clone()]), d.name);
            if let Some(inner) = &d.inner {
                assert_eq!(text[inner.clone()], d.text);
            }
            format!("{}: {} {}", d.list, d.name, d.text)
        });
        each.collect()
    }

    #[test]
    fn dependencies_of_all_formats_have_their_places() {
        let script = "#!/x\r\n# /// script\r\n# dependencies = [\r\n#   \"Flyte[x]>=2\", # why\r\n#   'httpx',\r\n# ]\r\n# ///\r\n";
        assert_eq!(
            shown(Format::Script, script),
            ["dependencies: flyte Flyte[x]>=2", "dependencies: httpx httpx"]
        );
        assert_eq!(shown(Format::Requirements, "-r x\nA==1 --hash=a:b\n"), [": a A==1"]);
        let project = "[project]\nname = \"x\"\nrequires-python = \">=3.11\"\ndependencies = [\"a\"]\n[project.optional-dependencies]\ngpu = [\"b>1\"]\n[dependency-groups]\ndev = [\"c\", {include-group = \"x\"}]\n[tool.poetry.dependencies]\npython = \"^3.11\"\nd = {version = \"^1\", optional = true}\n[tool.poetry.group.test.dependencies]\ne = \"*\"\n";
        assert_eq!(
            shown(Format::Project, project),
            [
                "project.dependencies: a a",
                "project.optional-dependencies.gpu: b b>1",
                "dependency-groups.dev: c c",
                "tool.poetry.dependencies: python ^3.11",
                "tool.poetry.dependencies: d ^1",
                "tool.poetry.group.test.dependencies: e *",
            ]
        );
        let pixi =
            "[dependencies]\npython = \">=3.12\"\n[feature.a.pypi-dependencies]\nflyte = \"==2.5.2\"\n";
        assert_eq!(
            shown(Format::Pixi, pixi),
            ["dependencies: python >=3.12", "feature.a.pypi-dependencies: flyte ==2.5.2"]
        );
    }

    /// Found by the fuzzer: what was added to close a table was taken for its place.
    #[test]
    fn places_lie_in_the_text() {
        let text = "[tool.poetry.dependencies]\nb = {version = \"^1\"";
        let manifest = Manifest::read(Format::Project, text).expect("a manifest");
        assert!(manifest.dependencies.iter().all(|d| text.get(d.range.clone()).is_some()));
    }

    #[test]
    fn wrong_types_are_told_at_their_place() {
        let text = "# /// script\n# dependencies = \"x\"\n# requires-python = 3.11\n# tool = 1\n# ///\n";
        let manifest = Manifest::read(Format::Script, text).expect("a header");
        let places: Vec<&str> = manifest.faults.iter().map(|f| &text[f.range.clone()]).collect();
        assert_eq!(places, ["\"x\"", "3.11", "1"]);
    }

    proptest::proptest! {
        #[test]
        fn every_place_is_one(text in "(# |dependencies = |\\[|\\]|\"|'|a|é|>=1|,|\n|# /// script\n|# ///\n|requires-python|\\[tool.uv\\]){0,30}") {
            for format in [Format::Script, Format::Requirements, Format::Project, Format::Pixi] {
                let Some(manifest) = Manifest::read(format, &text) else { continue };
                for d in &manifest.dependencies {
                    proptest::prop_assert!(text.get(d.range.clone()).is_some() && text.get(d.name_range.clone()).is_some());
                }
                for f in &manifest.faults {
                    proptest::prop_assert!(text.get(f.range.clone()).is_some(), "{:?} {:?}", f, text);
                }
            }
        }
    }
}
