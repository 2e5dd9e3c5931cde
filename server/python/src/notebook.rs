//! Jupyter notebooks: their code cells as one module, and the way back to the cells.
//!
//! Every cell keeps its lines. What is no Python (`%magic`, `!command`) becomes a comment of the same width; a cell of
//! another language (`%%bash`) becomes empty lines.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::{DirEntry, FileSystem, Metadata};
use serde_json::Value;

/// Where a cell begins in the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Its number among all cells, one-based.
    pub number: usize,
    /// Its first line in the module, zero-based.
    pub line: usize,
}

/// Whether a path is a notebook's.
#[must_use]
pub fn is_notebook(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("ipynb"))
}

/// A notebook's module and its cells.
///
/// # Errors
/// A message for what is no notebook of Python.
pub fn read(text: &str) -> Result<(String, Vec<Cell>), String> {
    let root: Value = serde_json::from_str(text).map_err(|e| format!("it is no notebook: {e}"))?;
    let language =
        root.pointer("/metadata/kernelspec/language").or(root.pointer("/metadata/language_info/name"));
    if language.and_then(Value::as_str).is_some_and(|l| !l.eq_ignore_ascii_case("python")) {
        return Ok((String::new(), Vec::new()));
    }
    let cells = root.get("cells").and_then(Value::as_array).ok_or("it is no notebook: it has no cells")?;
    let (mut module, mut starts, mut line) = (String::new(), Vec::new(), 0);
    for (i, cell) in cells.iter().enumerate() {
        if cell.get("cell_type").and_then(Value::as_str) != Some("code") {
            continue;
        }
        let source = match cell.get("source") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
            _ => String::new(),
        };
        starts.push(Cell { number: i + 1, line });
        line += add_cell(&mut module, &source);
    }
    Ok((module, starts))
}

/// Adds a code cell to a module, every line at its place; how many lines it has.
pub fn add_cell(module: &mut String, source: &str) -> usize {
    let foreign = source.trim_start().starts_with("%%");
    let mut lines = 0;
    for text in source.lines() {
        if !foreign {
            let content = text.trim_start();
            let space = &text[..text.len() - content.len()];
            match content.chars().next() {
                Some('%' | '!' | '?') => {
                    module.push_str(space);
                    module.push('#');
                    module.push_str(&content[1..]);
                }
                _ => module.push_str(text),
            }
        }
        module.push('\n');
        lines += 1;
    }
    lines
}

/// A file system in which notebooks read as modules.
pub struct Notebooks(pub Arc<dyn FileSystem>);

impl FileSystem for Notebooks {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        self.0.open(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.0.metadata(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.read_dir(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.canonicalize(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.read_link(path)
    }

    fn read_text(&self, path: &Path) -> io::Result<String> {
        let text = self.0.read_text(path)?;
        if !is_notebook(path) {
            return Ok(text);
        }
        read(&text).map(|(module, _)| module).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    fn read_shared(&self, path: &Path) -> io::Result<Arc<str>> {
        if is_notebook(path) { self.read_text(path).map(Arc::from) } else { self.0.read_shared(path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cells_become_a_module() {
        let text = r##"{"cells": [
            {"cell_type": "markdown", "source": "# x"},
            {"cell_type": "code", "source": ["%pip install flyte\n", "import flyte"]},
            {"cell_type": "code", "source": "%%bash\nls"},
            {"cell_type": "code", "source": "if x:\n    !ls"}
        ]}"##;
        let (module, cells) = read(text).expect("a notebook");
        assert_eq!(module, "#pip install flyte\nimport flyte\n\n\nif x:\n    #ls\n");
        let starts: Vec<_> = cells.iter().map(|c| (c.number, c.line)).collect();
        assert_eq!(starts, [(2, 0), (3, 2), (4, 4)]);
        assert!(read("{}").is_err() && read("x").is_err());
    }
}
