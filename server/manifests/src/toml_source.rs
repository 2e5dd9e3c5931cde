//! TOML with places that is read as far as it can be: what cannot be read is told and left out, line by line.

use std::ops::Range;

use toml_edit::{Document, Item, Table, TableLike, Value};

use crate::requirement::Fault;

/// Lines that are left out before the reading is given up.
const TRIES: usize = 12;

/// A TOML text.
#[derive(Debug, Clone)]
pub struct Source {
    document: Document<String>,
    /// Bytes of the text; what was added to read it is behind them.
    length: usize,
    /// What could not be read, the first fault first.
    pub faults: Vec<Fault>,
}

/// A string of a TOML text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it says.
    pub value: String,
    /// Where it is, with its quotes.
    pub range: Range<usize>,
    /// Where its characters are, if they are written as they are.
    pub inner: Option<Range<usize>>,
}

impl Source {
    /// Reads a text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut left = text.to_owned();
        let mut faults: Vec<Fault> = Vec::new();
        for _ in 0..TRIES {
            match Document::parse(left.clone()) {
                Ok(document) => return Self { document, length: text.len(), faults },
                Err(error) => {
                    let range = error.span().unwrap_or(0..0);
                    let range = range.start.min(text.len())
                        ..range.end.min(text.len()).max(range.start.min(text.len()));
                    faults.push(Fault { message: error.message().trim().to_owned(), range: range.clone() });
                    if !mend(&mut left, error.message(), range) {
                        break;
                    }
                }
            }
        }
        Self {
            document: Document::parse(String::new()).unwrap_or_else(|_| empty()),
            length: text.len(),
            faults,
        }
    }

    /// The outermost table.
    #[must_use]
    pub fn root(&self) -> &Table {
        self.document.as_table()
    }

    /// What is at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Item> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.root().get(first)?, |item, key| item.get(key))
    }

    /// The strings of an array, in order.
    #[must_use]
    pub fn texts(&self, item: &Item) -> Vec<Text> {
        item.as_array().into_iter().flat_map(|a| a.iter()).filter_map(|v| self.text(v)).collect()
    }

    /// A string with its place.
    #[must_use]
    pub fn text(&self, value: &Value) -> Option<Text> {
        let (string, range) = (value.as_str()?, value.span().filter(|range| range.end <= self.length)?);
        let written = self.document.raw().get(range.clone())?;
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| written.starts_with(q))?;
        let same = written.strip_prefix(quote).and_then(|w| w.strip_suffix(quote)) == Some(string);
        let inner = same.then(|| range.start + quote.len()..range.end - quote.len());
        Some(Text { value: string.to_owned(), range, inner })
    }

    /// The string at a path of keys, with its place.
    #[must_use]
    pub fn text_at(&self, path: &[&str]) -> Option<Text> {
        self.text(self.at(path)?.as_value()?)
    }

    /// Where something is, as far as it is in the text.
    #[must_use]
    pub fn span(&self, item: &Item) -> Option<Range<usize>> {
        item.span().map(|range| range.start.min(self.length)..range.end.min(self.length))
    }

    /// The place of a key in a table, or of the table's own header.
    #[must_use]
    pub fn key(&self, path: &[&str]) -> Option<Range<usize>> {
        let (last, above) = path.split_last()?;
        let table: &dyn TableLike =
            if above.is_empty() { self.root() } else { self.at(above)?.as_table_like()? };
        table.key(last).and_then(toml_edit::Key::span).or_else(|| self.span(table.get(last)?))
    }
}

fn empty() -> Document<String> {
    Document::<&'static str>::new().into_mut().to_string().parse().unwrap_or_else(|_| empty())
}

/// Leaves the line of a fault out, or closes what is open at the end; false where nothing is left to do.
fn mend(text: &mut String, message: &str, fault: Range<usize>) -> bool {
    let mut at = fault.start.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    let blank = |text: &mut String, start: usize, end: usize| {
        let spaces = " ".repeat(end - start);
        text.replace_range(start..end, &spaces);
    };
    let is_open = message.contains("unclosed");
    if is_open || text[start..end].trim().is_empty() {
        for close in ["\n]", "\n}"] {
            let closed = format!("{text}{close}");
            let better = match Document::parse(closed.as_str()) {
                Ok(_) => true,
                Err(error) => {
                    !error.message().contains("unclosed") && error.span().is_none_or(|s| s.start < text.len())
                }
            };
            if better {
                *text = closed;
                return true;
            }
        }
    }
    if !text[start..end].trim().is_empty() {
        blank(text, start, end);
        return true;
    }
    // The last line that says anything is what is unfinished.
    let said = text.trim_end().len();
    let start = text[..said].rfind('\n').map_or(0, |n| n + 1);
    if said == 0 {
        return false;
    }
    blank(text, start, said);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependencies(text: &str) -> Vec<String> {
        let source = Source::read(text);
        let list = source.at(&["dependencies"]).map(|item| source.texts(item)).unwrap_or_default();
        for found in &list {
            assert!(text[found.range.clone()].contains(&found.value), "{text}");
        }
        list.into_iter().map(|t| t.value).collect()
    }

    #[test]
    fn half_typed_text_is_read_as_far_as_it_goes() {
        for (text, expected) in [
            ("dependencies = [\n  \"a\",\n  \"b\n]\n", vec!["a"]),
            ("dependencies = [\n  \"a\",\n", vec!["a"]),
            ("dependencies = [\n  \"a\",\n  b\n]\nx = 1\n", vec!["a"]),
            ("dep\ndependencies = [\"a\"]\n", vec!["a"]),
            ("dependencies = [\"a\"]\n[tool.uv\nx = 1\n", vec!["a"]),
            ("dependencies = [\"a\"]\nrequires-python = \n", vec!["a"]),
            ("dependencies = [\n  \"a\" # why\n  \"b\"\n]\n", vec!["a"]),
            ("", vec![]),
            ("[", vec![]),
        ] {
            assert_eq!(dependencies(text), expected, "{text:?}");
        }
    }

    #[test]
    fn places_are_those_of_the_text() {
        let source = Source::read("a = 'é'\n[tool.uv]\nb = \"x\\ny\"\n");
        let a = source.text_at(&["a"]).expect("there");
        assert_eq!((a.range, a.inner), (4..8, Some(5..7)));
        assert_eq!(source.text_at(&["tool", "uv", "b"]).expect("there").inner, None);
        assert_eq!(source.key(&["tool", "uv", "b"]), Some(19..20));
        assert!(source.faults.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|\n|\\[|\\]|=|\"|'|a|\\{|\\}|,|#){0,40}") {
            let source = Source::read(&text);
            for fault in &source.faults {
                proptest::prop_assert!(fault.range.start <= text.len() && fault.range.end <= text.len());
            }
        }
    }
}
