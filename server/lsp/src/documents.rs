//! What the editor holds open: texts and notebooks, changed in the order of the wire.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image_manifests::position::Unit;
use image_python::notebook;
use ropey::Rope;
use tower_lsp::ls_types::{
    DidChangeNotebookDocumentParams, DidOpenNotebookDocumentParams, NotebookCell, NotebookCellKind, Position,
    TextDocumentContentChangeEvent, TextDocumentItem, Uri,
};

/// A text that is open.
struct Text {
    version: i32,
    rope: Rope,
    /// The same as one string, made when it is asked for.
    whole: Option<Arc<str>>,
}

/// A file that is open.
struct Document {
    uri: Uri,
    /// What the client calls the language.
    language: String,
    text: Text,
}

/// A notebook that is open: its cells in order, each with whether it is code.
struct Notebook {
    version: i32,
    cells: Vec<(Uri, bool)>,
    whole: Option<(Arc<str>, Arc<[Cell]>)>,
}

/// A code cell's place in its notebook's module.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// The cell's own address.
    pub(crate) uri: Uri,
    /// Its first line in the module, zero-based.
    pub(crate) line: usize,
    /// How many lines it has.
    pub(crate) lines: usize,
}

/// An open file as it is at one moment.
#[derive(Clone)]
pub(crate) struct Open {
    /// The address that the client gave it.
    pub(crate) uri: Uri,
    /// The client's number for this state.
    pub(crate) version: i32,
}

#[derive(Default)]
struct Table {
    documents: HashMap<PathBuf, Document>,
    notebooks: HashMap<PathBuf, (Uri, Notebook)>,
    cells: HashMap<Uri, (PathBuf, Text)>,
}

/// All open documents. The lock is held only for moments.
pub(crate) struct Documents {
    table: Mutex<Table>,
    unit: AtomicU8,
}

/// The path of an address; `None` for what is no file.
pub(crate) fn path_of(uri: &Uri) -> Option<PathBuf> {
    if !uri.scheme().as_str().eq_ignore_ascii_case("file") {
        return None;
    }
    uri.to_file_path().map(std::borrow::Cow::into_owned).filter(|p| p.is_absolute())
}

impl Text {
    fn new(version: i32, text: &str) -> Self {
        Self { version, rope: Rope::from_str(text), whole: None }
    }

    fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>, unit: Unit) {
        for change in changes {
            match change.range {
                None => self.rope = Rope::from_str(&change.text),
                Some(range) => {
                    let start = char_at(&self.rope, range.start, unit);
                    let end = char_at(&self.rope, range.end, unit).max(start);
                    self.rope.remove(start..end);
                    self.rope.insert(start, &change.text);
                }
            }
        }
        self.version = version;
        self.whole = None;
    }

    fn whole(&mut self) -> Arc<str> {
        Arc::clone(self.whole.get_or_insert_with(|| Arc::from(self.rope.to_string())))
    }
}

impl Documents {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::default(), unit: AtomicU8::new(1) }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_unit(&self, unit: Unit) {
        let number = match unit {
            Unit::Bytes => 0,
            Unit::Utf16 => 1,
            Unit::Characters => 2,
        };
        self.unit.store(number, Ordering::Relaxed);
    }

    /// What the client's columns count.
    pub(crate) fn unit(&self) -> Unit {
        match self.unit.load(Ordering::Relaxed) {
            0 => Unit::Bytes,
            2 => Unit::Characters,
            _ => Unit::Utf16,
        }
    }

    pub(crate) fn open(&self, item: TextDocumentItem) {
        if let Some(path) = path_of(&item.uri) {
            let (uri, language) = (item.uri, item.language_id);
            let document = Document { uri, language, text: Text::new(item.version, &item.text) };
            self.table().documents.insert(path, document);
        }
    }

    pub(crate) fn close(&self, uri: &Uri) {
        if let Some(path) = path_of(uri) {
            self.table().documents.remove(&path);
        }
    }

    /// Applies changes in order. A range outside of the text is cut to it.
    pub(crate) fn change(&self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let unit = self.unit();
        let Some(path) = path_of(uri) else { return };
        if let Some(document) = self.table().documents.get_mut(&path) {
            document.text.change(version, changes, unit);
        }
    }

    pub(crate) fn open_notebook(&self, parameters: DidOpenNotebookDocumentParams) {
        let notebook = parameters.notebook_document;
        let Some(path) = path_of(&notebook.uri) else { return };
        let mut table = self.table();
        for item in parameters.cell_text_documents {
            table.cells.insert(item.uri.clone(), (path.clone(), Text::new(item.version, &item.text)));
        }
        let cells = notebook.cells.into_iter().map(cell).collect();
        let value = Notebook { version: notebook.version, cells, whole: None };
        table.notebooks.insert(path, (notebook.uri, value));
    }

    pub(crate) fn change_notebook(&self, parameters: DidChangeNotebookDocumentParams) {
        let unit = self.unit();
        let Some(path) = path_of(&parameters.notebook_document.uri) else { return };
        let mut table = self.table();
        let Table { notebooks, cells, .. } = &mut *table;
        let Some((_, notebook)) = notebooks.get_mut(&path) else { return };
        notebook.version = parameters.notebook_document.version;
        notebook.whole = None;
        let Some(changes) = parameters.change.cells else { return };
        if let Some(structure) = changes.structure {
            let start = (structure.array.start as usize).min(notebook.cells.len());
            let end = start.saturating_add(structure.array.delete_count as usize).min(notebook.cells.len());
            notebook
                .cells
                .splice(start..end, structure.array.cells.unwrap_or_default().into_iter().map(cell));
            for item in structure.did_open.unwrap_or_default() {
                cells.insert(item.uri.clone(), (path.clone(), Text::new(item.version, &item.text)));
            }
            for closed in structure.did_close.unwrap_or_default() {
                cells.remove(&closed.uri);
            }
        }
        for changed in changes.data.unwrap_or_default() {
            let (uri, is_code) = cell(changed);
            if let Some(known) = notebook.cells.iter_mut().find(|(u, _)| *u == uri) {
                known.1 = is_code;
            }
        }
        for changed in changes.text_content.unwrap_or_default() {
            if let Some((_, text)) = cells.get_mut(&changed.document.uri) {
                text.change(changed.document.version, changed.changes, unit);
            }
        }
    }

    pub(crate) fn close_notebook(&self, uri: &Uri) {
        let Some(path) = path_of(uri) else { return };
        let mut table = self.table();
        table.notebooks.remove(&path);
        table.cells.retain(|_, (of, _)| *of != path);
    }

    /// The file that an address belongs to: its own, or its cell's notebook.
    pub(crate) fn file_of(&self, uri: &Uri) -> Option<PathBuf> {
        if let Some((path, _)) = self.table().cells.get(uri) {
            return Some(path.clone());
        }
        path_of(uri)
    }

    /// Whether a file is open, and as what.
    pub(crate) fn get(&self, path: &Path) -> Option<Open> {
        let table = self.table();
        if let Some(document) = table.documents.get(path) {
            return Some(Open { uri: document.uri.clone(), version: document.text.version });
        }
        table.notebooks.get(path).map(|(uri, n)| Open { uri: uri.clone(), version: n.version })
    }

    /// What the client calls the language of an open file.
    pub(crate) fn language(&self, path: &Path) -> Option<String> {
        self.table().documents.get(path).map(|document| document.language.clone())
    }

    /// The paths of all open files.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let table = self.table();
        table.documents.keys().chain(table.notebooks.keys()).cloned().collect()
    }

    /// The texts of all open files, notebooks as modules.
    pub(crate) fn texts(&self) -> BTreeMap<PathBuf, Arc<str>> {
        let mut table = self.table();
        let Table { documents, notebooks, cells } = &mut *table;
        let texts = documents.iter_mut().map(|(path, d)| (path.clone(), d.text.whole()));
        let modules = notebooks.iter_mut().map(|(path, (_, n))| (path.clone(), n.module(cells).0));
        texts.chain(modules).collect()
    }

    /// The code cells of a notebook, in order; none for other files.
    pub(crate) fn cells_of(&self, path: &Path) -> Arc<[Cell]> {
        let mut table = self.table();
        let Table { notebooks, cells, .. } = &mut *table;
        notebooks.get_mut(path).map(|(_, n)| n.module(cells).1).unwrap_or_default()
    }
}

fn cell(cell: NotebookCell) -> (Uri, bool) {
    (cell.document, cell.kind == NotebookCellKind::CODE)
}

impl Notebook {
    /// The module of the code cells.
    fn module(&mut self, texts: &mut HashMap<Uri, (PathBuf, Text)>) -> (Arc<str>, Arc<[Cell]>) {
        let (text, cells) = self.whole.get_or_insert_with(|| {
            let (mut module, mut cells, mut line) = (String::new(), Vec::new(), 0);
            for (uri, _) in self.cells.iter().filter(|(_, is_code)| *is_code) {
                let source = texts.get_mut(uri).map(|(_, text)| text.whole()).unwrap_or_default();
                // The empty line behind a line break is a line of the editor's, too.
                let padded = if source.is_empty() || source.ends_with('\n') { "\n" } else { "" };
                let lines = notebook::add_cell(&mut module, &format!("{source}{padded}"));
                cells.push(Cell { uri: uri.clone(), line, lines });
                line += lines;
            }
            (Arc::from(module), cells.into())
        });
        (Arc::clone(text), Arc::clone(cells))
    }
}

/// The character of a position in a rope, cut to the text.
fn char_at(rope: &Rope, position: Position, unit: Unit) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    let content = rope.line(line);
    let column = position.character as usize;
    let mut counted = 0;
    for (offset, c) in content.chars().enumerate() {
        if counted >= column || matches!(c, '\n' | '\r') {
            return start + offset;
        }
        counted += match unit {
            Unit::Bytes => c.len_utf8(),
            Unit::Utf16 => c.len_utf16(),
            Unit::Characters => 1,
        };
    }
    start + content.len_chars()
}
