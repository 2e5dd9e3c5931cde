//! `pathlib.PurePosixPath`, as text: flyte's rules about paths are textual.

use std::fmt;
use std::sync::Arc;

/// A pure POSIX path, normalised as pathlib does on construction: no empty parts, no `.`; `..` stays.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PyPath(Arc<str>);

impl fmt::Display for PyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PyPath {
    /// `Path(text)`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let root = root_of(text);
        let parts: Vec<&str> = text.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
        let joined = format!("{root}{}", parts.join("/"));
        Self(if joined.is_empty() { ".".into() } else { joined.into() })
    }

    /// `str(path)`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `path.is_absolute()`.
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.0.starts_with('/')
    }

    /// `path.parts`: the root, if there is one, counts as the first part.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        let root = root_of(&self.0);
        let mut parts: Vec<&str> = Vec::new();
        if !root.is_empty() {
            parts.push(root);
        }
        parts.extend(self.names());
        parts
    }

    /// The parts without the root.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|p| !p.is_empty() && *p != ".")
    }

    fn from_parts(root: &str, names: &[&str]) -> Self {
        let joined = format!("{root}{}", names.join("/"));
        Self(if joined.is_empty() { ".".into() } else { joined.into() })
    }

    /// `path.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names().last().unwrap_or("")
    }

    /// `path.parent`.
    #[must_use]
    pub fn parent(&self) -> Self {
        let mut names: Vec<&str> = self.names().collect();
        if names.pop().is_none() {
            return self.clone();
        }
        Self::from_parts(root_of(&self.0), &names)
    }

    /// `path.suffix`, as Python before 3.14 has it.
    #[must_use]
    pub fn suffix(&self) -> &str {
        let name = self.name();
        match name.rfind('.') {
            Some(dot) if dot > 0 && dot + 1 < name.len() => &name[dot..],
            _ => "",
        }
    }

    /// `path.stem`.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.name();
        &name[..name.len() - self.suffix().len()]
    }

    /// `path / other`.
    #[must_use]
    pub fn join(&self, other: &str) -> Self {
        if other.starts_with('/') {
            return Self::new(other);
        }
        let slash = if self.0.ends_with('/') { "" } else { "/" };
        Self::new(&format!("{}{slash}{other}", self.0))
    }

    /// `path.relative_to(other)`; `None` where Python raises ValueError. Purely textual.
    #[must_use]
    pub fn relative_to(&self, other: &Self) -> Option<Self> {
        let (mine, theirs) = (self.parts(), other.parts());
        if theirs.is_empty() && self.is_absolute() {
            return None;
        }
        let rest = mine.strip_prefix(theirs.as_slice())?;
        Some(Self::from_parts("", rest))
    }

    /// `os.path.normpath` as a path: `..` is resolved in the text.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let root = root_of(&self.0);
        let mut names: Vec<&str> = Vec::new();
        for name in self.names() {
            if name == ".." && names.last().is_some_and(|n| *n != "..") {
                names.pop();
            } else if name != ".." || root.is_empty() {
                names.push(name);
            }
        }
        Self::from_parts(root, &names)
    }
}

/// POSIX keeps exactly two leading slashes.
fn root_of(text: &str) -> &'static str {
    if text.starts_with("//") && !text.starts_with("///") {
        "//"
    } else if text.starts_with('/') {
        "/"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_pathlib() {
        for (text, shown, parent, name, suffix) in [
            ("a//b/./c.txt", "a/b/c.txt", "a/b", "c.txt", ".txt"),
            ("", ".", ".", "", ""),
            (".", ".", ".", "", ""),
            ("..", "..", ".", "..", ""),
            ("/", "/", "/", "", ""),
            ("//x/y", "//x/y", "//x", "y", ""),
            ("///x", "/x", "/", "x", ""),
            (".txt", ".txt", ".", ".txt", ""),
            ("a.", "a.", ".", "a.", ""),
            ("a.tar.gz", "a.tar.gz", ".", "a.tar.gz", ".gz"),
        ] {
            let p = PyPath::new(text);
            assert_eq!(
                (p.as_str(), p.parent().as_str(), p.name(), p.suffix()),
                (shown, parent, name, suffix),
                "{text}"
            );
        }
        let p = PyPath::new("/a/b");
        assert_eq!(p.join("../c").as_str(), "/a/b/../c");
        assert_eq!(PyPath::new("/").join("a").as_str(), "/a");
        assert_eq!(p.join("../c").normalised().as_str(), "/a/c");
        assert_eq!(p.relative_to(&PyPath::new("/a")).map(|r| r.to_string()).as_deref(), Some("b"));
        assert_eq!(p.relative_to(&PyPath::new(".")), None);
        assert_eq!(PyPath::new("a").relative_to(&PyPath::new("/")), None);
    }
}
