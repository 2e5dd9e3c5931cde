//! Lock files: the packages that they lock, with places. Read line by line: they are written by programs, always look
//! alike, and can be of any size.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::memo::Memo;
use crate::pins::normalised;

/// A package of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The project's name in its normal form.
    pub name: String,
    /// The version, where there is one.
    pub version: Option<String>,
    /// Where the name is written, in bytes.
    pub range: Range<usize>,
}

/// The packages of a lock, by name. A lock can have several versions of one.
pub type Index = BTreeMap<String, Vec<Locked>>;

/// The packages of a lock, by its file name: uv.lock, poetry.lock or pixi.lock.
#[must_use]
pub fn index(file_name: &str, text: &str) -> Index {
    let all = if file_name == "pixi.lock" { in_pixi(text) } else { in_toml(text) };
    let mut index = Index::new();
    for locked in all {
        let versions = index.entry(locked.name.clone()).or_default();
        if !versions.iter().any(|l| l.version == locked.version) {
            versions.push(locked);
        }
    }
    index
}

/// The same, kept as long as somebody holds the text.
#[must_use]
pub fn shared(file_name: &str, text: &Arc<str>) -> Arc<Index> {
    static KNOWN: Memo<Index> = Memo::new();
    KNOWN.of(text, file_name, || index(file_name, text))
}

/// Each line and where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

/// The packages of a uv.lock or poetry.lock, in order.
#[must_use]
pub fn in_toml(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    let mut current: Option<Locked> = None;
    let mut inside = false;
    for (start, line) in lines(text) {
        if line.starts_with('[') {
            if line == "[[package]]" {
                all.extend(current.take());
            }
            inside = line == "[[package]]";
        } else if inside && let Some((key, value)) = line.split_once(" = ") {
            let plain = value.trim().trim_matches('"');
            match key {
                "name" => {
                    let at = start + line.find(plain).unwrap_or(0);
                    current =
                        Some(Locked { name: normalised(plain), version: None, range: at..at + plain.len() });
                }
                "version" => {
                    if let Some(current) = &mut current {
                        current.version = Some(plain.to_owned());
                    }
                }
                _ => {}
            }
        }
    }
    all.extend(current);
    all
}

/// The packages of a pixi.lock, in order: entries with a name and a version, and addresses of conda packages.
#[must_use]
pub fn in_pixi(text: &str) -> Vec<Locked> {
    let mut all: Vec<Locked> = Vec::new();
    let mut current: Option<Locked> = None;
    for (start, line) in lines(text) {
        let entry = line.trim_start();
        let indent = line.len() - entry.len();
        if let Some(rest) = entry.strip_prefix("- ") {
            all.extend(current.take());
            let file = rest.rsplit('/').next().unwrap_or_default();
            if rest.starts_with("conda:") && (file.ends_with(".conda") || file.ends_with(".tar.bz2")) {
                // name-version-build
                let mut parts = file.rsplitn(3, '-').skip(1);
                if let (Some(version), Some(name)) = (parts.next(), parts.next()) {
                    let at = start + line.len() - file.len();
                    let range = at..at + name.len();
                    all.push(Locked { name: normalised(name), version: Some(version.to_owned()), range });
                }
            }
        }
        let item = entry.trim_start_matches("- ");
        if let Some(name) = item.strip_prefix("name: ") {
            let at = start + indent + (entry.len() - item.len()) + "name: ".len();
            let name = name.trim();
            current = Some(Locked { name: normalised(name), version: None, range: at..at + name.len() });
        } else if let Some(version) = entry.strip_prefix("version: ")
            && let Some(current) = &mut current
        {
            current.version = Some(version.trim().trim_matches(['\'', '"']).to_owned());
        }
    }
    all.extend(current);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_have_their_places() {
        let uv = "version = 1\n\n[[package]]\nname = \"A.b\"\nversion = \"1\"\n\n[package.metadata]\nname = \"no\"\n\n[[package]]\nname = \"b\"\nversion = \"2\"\n\n[[package]]\nname = \"b\"\nversion = \"3\"\n";
        let index = index("uv.lock", uv);
        assert_eq!(index.keys().collect::<Vec<_>>(), ["a-b", "b"]);
        assert_eq!(&uv[index["a-b"][0].range.clone()], "A.b");
        let versions: Vec<_> = index["b"].iter().filter_map(|l| l.version.as_deref()).collect();
        assert_eq!(versions, ["2", "3"]);
        let pixi = "packages:\n- conda: https://example.org/noarch/flyte-2.4.0-h_0.conda\n- pypi: https://example.org/x.whl\n  name: x\n  version: 1.0\n";
        let found = in_pixi(pixi);
        assert_eq!(found.iter().map(|l| &pixi[l.range.clone()]).collect::<Vec<_>>(), ["flyte", "x"]);
        assert_eq!(found[1].version.as_deref(), Some("1.0"));
    }
}
