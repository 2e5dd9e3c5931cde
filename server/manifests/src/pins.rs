//! Which version of a package locks, projects, requirements files and script headers name.

use toml_edit::{Document, Item, Table, Value};

use crate::locks::{self, Locked};

/// The versions of a package in uv.lock or poetry.lock, in order, each once. A uv.lock can hold several.
#[must_use]
pub fn in_toml_lock(text: &str, package: &str) -> Vec<String> {
    versions(locks::in_toml(text), package)
}

/// The versions of a package in pixi.lock.
#[must_use]
pub fn in_pixi_lock(text: &str, package: &str) -> Vec<String> {
    versions(locks::in_pixi(text), package)
}

fn versions(all: Vec<Locked>, package: &str) -> Vec<String> {
    let mut versions: Vec<String> =
        all.into_iter().filter(|l| l.name == package).filter_map(|l| l.version).collect();
    let mut seen = Vec::new();
    versions.retain(|v| {
        !seen.contains(v) && {
            seen.push(v.clone());
            true
        }
    });
    versions
}

/// The version that a pyproject.toml or pixi.toml pins: dependencies, extras, groups, poetry's and pixi's tables.
#[must_use]
pub fn in_project(text: &str, package: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let root = document.as_table();
    let at = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(root.get(first)?, |item, key| item.get(key))
    };
    let listed = |item: Option<&Item>| in_list(item?, package);
    let tabled = |item: Option<&Item>| in_table(item?, package);
    let each = |item: Option<&Item>, of: &dyn Fn(&Item) -> Option<String>| {
        item?.as_table_like()?.iter().find_map(|(_, item)| of(item))
    };
    listed(at(&["project", "dependencies"]))
        .or_else(|| tabled(at(&["tool", "poetry", "dependencies"])))
        .or_else(|| tabled(at(&["tool", "pixi", "pypi-dependencies"])))
        .or_else(|| tabled(at(&["tool", "pixi", "dependencies"])))
        .or_else(|| tabled(at(&["pypi-dependencies"])))
        .or_else(|| tabled(at(&["dependencies"])))
        .or_else(|| listed(at(&["tool", "uv", "constraint-dependencies"])))
        .or_else(|| each(at(&["dependency-groups"]), &|item| in_list(item, package)))
        .or_else(|| each(at(&["project", "optional-dependencies"]), &|item| in_list(item, package)))
        .or_else(|| {
            each(at(&["tool", "poetry", "group"]), &|item| in_table(item.get("dependencies")?, package))
        })
}

/// The version that a script's header pins. The header is found as PEP 723 says.
#[must_use]
pub fn in_header(text: &str, package: &str) -> Option<String> {
    if !text.contains("# /// script") {
        return None;
    }
    let block = crate::script::pixi_block(text)?;
    let document = Document::parse(&block).ok()?;
    let root: &Table = document.as_table();
    in_list(root.get("dependencies")?, package)
        .or_else(|| in_table(root.get("tool")?.get("pixi")?.get("pypi-dependencies")?, package))
}

/// The version that a requirements file pins.
#[must_use]
pub fn in_requirements(text: &str, package: &str) -> Option<String> {
    requirement_lines(text).find_map(|line| pinned(line, package))
}

/// The files that a requirements file takes in with `-r` and `-c`, as written.
#[must_use]
pub fn included(text: &str) -> Vec<String> {
    const OPTIONS: [&str; 4] = ["--requirement", "--constraint", "-r", "-c"];
    let file = |line: &str| {
        let rest = OPTIONS.iter().find_map(|option| line.strip_prefix(option))?;
        rest.starts_with([' ', '=', '\t'])
            .then(|| rest.trim_start_matches([' ', '=', '\t']).trim().to_owned())
    };
    requirement_lines(text).filter_map(file).collect()
}

fn requirement_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| {
        let line = line.trim();
        // A comment begins the line or follows a space.
        let end = if line.starts_with('#') { 0 } else { line.find(" #").unwrap_or(line.len()) };
        line[..end].trim_end_matches('\\').trim()
    })
}

fn in_list(item: &Item, package: &str) -> Option<String> {
    item.as_array()?.iter().filter_map(Value::as_str).find_map(|text| pinned(text, package))
}

/// `package = "==1.2"` or `package = {version = "==1.2"}`. A bare version is a pin, too.
fn in_table(item: &Item, package: &str) -> Option<String> {
    let (_, item) = item.as_table_like()?.iter().find(|(name, _)| normalised(name) == package)?;
    let text = item.as_str().or_else(|| item.get("version")?.as_str())?.trim();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return plain_version(text);
    }
    exact(text)
}

/// The version that a requirement pins, if it is one of the package: `flyte[x]==2.5.2 ; marker`.
#[must_use]
pub fn pinned(requirement: &str, package: &str) -> Option<String> {
    let text = requirement.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if normalised(name) != package {
        return None;
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1,
        None => rest,
    };
    // A marker, or the options and hashes of a requirements file.
    let specifiers = rest.split(';').next()?.split(" --").next()?;
    exact(specifiers.trim().trim_start_matches('(').trim_end_matches(')'))
}

/// The version of an `==` or `===` among specifiers.
fn exact(specifiers: &str) -> Option<String> {
    specifiers
        .split(',')
        .find_map(|s| plain_version(s.trim().strip_prefix("==")?.trim_start_matches('=').trim()))
}

fn plain_version(text: &str) -> Option<String> {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._+!-".contains(c));
    plain.then(|| text.to_owned())
}

/// A package's name as indexes compare it.
#[must_use]
pub fn normalised(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '-' | '_' | '.') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.push(c.to_ascii_lowercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "(\\PC|\n|# ///|script|\\[\\[package\\]\\]|name = \"flyte\"|- conda: |==|flyte|\\[|\"){0,40}") {
            let _ = (in_toml_lock(&text, "flyte"), in_pixi_lock(&text, "flyte"), in_project(&text, "flyte"));
            let _ = (in_header(&text, "flyte"), in_requirements(&text, "flyte"), included(&text));
            let _ = pinned(&text, "flyte");
        }
    }

    #[test]
    fn only_pins_are_versions() {
        for (requirement, version) in [
            ("flyte==2.5.2", Some("2.5.2")),
            ("Flyte [a,b] == 2.5.2 ; python_version > '3.9'", Some("2.5.2")),
            ("flyte===2.13.0.dev3+g1", Some("2.13.0.dev3+g1")),
            ("flyte (>=2, ==2.5.2)", Some("2.5.2")),
            ("flyte==2.5.2 --hash=sha256:00", Some("2.5.2")),
            ("flyte==2.5.*", None),
            ("flyte>=2.5.2", None),
            ("flyte", None),
            ("flytekit==1.16.0", None),
            ("flyte-x==1", None),
            ("flyte @ file:///x", None),
        ] {
            assert_eq!(pinned(requirement, "flyte").as_deref(), version, "{requirement}");
        }
    }

    #[test]
    fn locks_are_read_line_by_line() {
        let uv = "version = 1\n\n[[package]]\nname = \"a\"\nversion = \"1\"\ndependencies = [\n    { name = \"flyte\" },\n]\n\n[[package]]\nname = \"flyte\"\nversion = \"2.5.2\"\nsource = { registry = \"https://example.org\" }\n\n[package.optional-dependencies]\nversion = \"9\"\n\n[[package]]\nname = \"flyte\"\nversion = \"2.6.0\"\n";
        assert_eq!(in_toml_lock(uv, "flyte"), ["2.5.2", "2.6.0"]);
        let poetry = "[[package]]\nname = \"Flyte\"\nversion = \"2.0.0\"\ndescription = \"\"\n\n[metadata]\n";
        assert_eq!(in_toml_lock(poetry, "flyte"), ["2.0.0"]);
        let pixi = "version: 6\npackages:\n- conda: https://example.org/noarch/flyte-2.4.0-pyhd8ed1ab_0.conda\n  sha256: 0\n- pypi: https://example.org/flyte-2.5.2-py3-none-any.whl\n  name: flyte\n  version: 2.5.2\n  sha256: 0\n- pypi: https://example.org/x.whl\n  name: x\n  version: 1.0\n";
        assert_eq!(in_pixi_lock(pixi, "flyte"), ["2.4.0", "2.5.2"]);
        assert_eq!(in_toml_lock("\u{0}[[", "flyte"), [""; 0]);
    }

    #[test]
    fn projects_pin_in_many_tables() {
        for text in [
            "[project]\ndependencies = [\"x\", \"flyte==2.5.2\"]\n",
            "[project.optional-dependencies]\ndev = [\"flyte==2.5.2\"]\n",
            "[dependency-groups]\ndev = [{include-group = \"x\"}, \"flyte==2.5.2\"]\n",
            "[tool.poetry.dependencies]\nflyte = \"2.5.2\"\n",
            "[tool.poetry.group.dev.dependencies]\nflyte = {version = \"==2.5.2\", extras = [\"x\"]}\n",
            "[tool.pixi.pypi-dependencies]\nflyte = \"==2.5.2\"\n",
            "[pypi-dependencies]\nflyte = { version = \"==2.5.2\" }\n",
        ] {
            assert_eq!(in_project(text, "flyte").as_deref(), Some("2.5.2"), "{text}");
        }
        for text in
            ["[project", "[tool.poetry.dependencies]\nflyte = \"^2.5\"\n", "[project]\ndependencies = 3\n"]
        {
            assert_eq!(in_project(text, "flyte"), None, "{text}");
        }
    }

    #[test]
    fn requirements_and_headers() {
        let text = "# flyte==1\nhttpx\n-r other.txt\n--constraint=c.txt\nflyte==2.5.2 \\\n    --hash=sha256:0 # why\n";
        assert_eq!(in_requirements(text, "flyte").as_deref(), Some("2.5.2"));
        assert_eq!(included(text), ["other.txt", "c.txt"]);
        let script = "# /// script\n# dependencies = [\n#     \"flyte==2.6.0\",\n# ]\n# ///\nimport flyte\n";
        assert_eq!(in_header(script, "flyte").as_deref(), Some("2.6.0"));
        assert_eq!(in_header("# /// script\n# dependencies = [\n# ///\n", "flyte"), None);
    }
}
