//! What is being typed at a position: half a name, an argument, a string; and which image it is typed at.
//!
//! Text that is being typed rarely parses. So the line is read with a small lexer up to the cursor, and the image is
//! found by evaluating the file as if the line ended behind the image: `image.with_pip_packages("a", |` asks what
//! `image` is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::Overlay;
use image_manifests::position::LineIndex;
use image_model::folders::Handle;
use image_model::image::Image;
use image_model::methods::Parameter;
use image_model::release::Release;
use image_model::signature::Kind;
use image_python::project::Facts;
use tower_lsp::ls_types::{Position, Uri};

use crate::folders::Unread;
use crate::state::State;

/// A position in a text, and what is open there.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) text: Arc<str>,
    pub(crate) byte: usize,
    /// Opening brackets, outermost first.
    open: Vec<Bracket>,
    /// The string that the position is in.
    pub(crate) string: Option<StringAt>,
    /// The comment that the position is in: its `#`.
    pub(crate) comment: Option<usize>,
    /// The last dot, and where the code before it ends.
    dot: Option<(usize, usize)>,
}

/// An open bracket.
#[derive(Debug, Clone)]
struct Bracket {
    sign: char,
    at: usize,
    /// The commas directly in it.
    commas: Vec<usize>,
    /// The last dot before it, and where the code before that ends.
    dot: Option<(usize, usize)>,
}

/// An open string.
#[derive(Debug, Clone)]
pub(crate) struct StringAt {
    /// The first byte behind the quotes.
    pub(crate) start: usize,
    /// The quotes.
    pub(crate) quote: String,
    /// Letters before the quotes, lower case.
    pub(crate) prefix: String,
}

/// A call of which the position is an argument.
pub(crate) struct Call {
    /// The last name before the bracket.
    pub(crate) method: String,
    /// Where what the method is called on ends.
    pub(crate) receiver_end: usize,
    arguments: Vec<Argument>,
}

/// An argument as far as it is typed.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    /// Its number among the arguments by position.
    pub(crate) number: usize,
    /// Behind arguments that are passed by name none can be passed by position.
    follows_keyword: bool,
    /// Its name, where it is passed by name.
    pub(crate) keyword: Option<String>,
    /// The text from its beginning, or from behind the `=`.
    pub(crate) value: Range<usize>,
}

/// What is known of the image that something is typed at.
pub(crate) struct Receiver {
    /// It is the class: constructors can be called.
    pub(crate) is_class: bool,
    /// The image; `None` for the class.
    pub(crate) image: Option<Arc<Image>>,
    pub(crate) release: Release,
    pub(crate) facts: Arc<Facts>,
}

/// The parameter that an argument goes to.
pub(crate) fn parameter_of(
    parameters: &[&'static Parameter],
    argument: &Argument,
) -> Option<&'static Parameter> {
    if let Some(keyword) = &argument.keyword {
        return parameters.iter().find(|p| p.name == keyword).copied();
    }
    if argument.follows_keyword {
        return None;
    }
    if let Some(many) = parameters.iter().position(|p| p.kind == Kind::Many)
        && argument.number >= many
    {
        return parameters.get(many).copied();
    }
    parameters.get(argument.number).copied().filter(|p| p.kind == Kind::Positional)
}

impl Place {
    /// Reads the text up to a position.
    pub(crate) fn at(path: &Path, uri: &Uri, position: Position, state: &State) -> Option<Self> {
        let text = state.text_of(path)?;
        let index = LineIndex::new(&text);
        let cells = state.documents.cells_of(path);
        let line = match cells.iter().find(|c| c.uri == *uri) {
            Some(cell) => cell.line + (position.line as usize).min(cell.lines.saturating_sub(1)),
            None => position.line as usize,
        };
        let byte = index.byte(&text, line, position.character as usize, state.documents.unit());
        Some(Self::read(path.to_owned(), text, byte))
    }

    /// Reads a text up to a byte.
    pub(crate) fn read(path: PathBuf, text: Arc<str>, byte: usize) -> Self {
        let mut lexer = Lexer::new(&text, piece_start(&text, byte));
        lexer.run_to(byte);
        let Lexer { open, string, comment, dot, .. } = lexer;
        Self { path, text, byte, open, string, comment, dot }
    }

    /// The name that ends at the position, and where it begins.
    pub(crate) fn word(&self) -> (usize, &str) {
        let before = &self.text[..self.byte];
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        (start, &before[start..])
    }

    /// Where what stands before a dot ends, if the word at the position is an attribute.
    pub(crate) fn attribute_of(&self) -> Option<usize> {
        let (start, _) = self.word();
        let (dot, before) = self.dot?;
        self.text.get(dot + 1..start)?.trim().is_empty().then_some(before)
    }

    /// The innermost call of a method around the position; lists, tuples and other calls in between are passed over.
    pub(crate) fn call(&self) -> Option<Call> {
        self.calls().into_iter().find(|c| image_model::methods::method(&c.method).is_some())
    }

    /// The calls of methods around the position, innermost first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let brackets = self.open.iter().rev().filter(|b| b.sign == '(');
        brackets.filter_map(|bracket| self.call_at(bracket)).collect()
    }

    fn call_at(&self, bracket: &Bracket) -> Option<Call> {
        let before = self.text[..bracket.at].trim_end();
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let method = before[start..].to_owned();
        let (dot, receiver_end) = bracket.dot?;
        if !self.text.get(dot + 1..start)?.trim().is_empty() {
            return None;
        }
        if method.is_empty() {
            return None;
        }
        let starts = [bracket.at + 1].into_iter().chain(bracket.commas.iter().map(|c| c + 1));
        let ends = bracket.commas.iter().copied().chain([self.byte]);
        let mut arguments = Vec::new();
        let (mut number, mut follows_keyword) = (0, false);
        for (start, end) in starts.zip(ends) {
            let content = &self.text[start..end];
            let offset = start + (content.len() - content.trim_start().len());
            let keyword = keyword_of(&self.text[offset.min(end)..end]);
            let value = match &keyword {
                Some((_, behind)) => offset + behind..end,
                None => offset.min(end)..end,
            };
            let named = keyword.is_some();
            let keyword = keyword.map(|(name, _)| name);
            arguments.push(Argument { number, follows_keyword, keyword, value });
            number += usize::from(!named);
            follows_keyword |= named;
        }
        Some(Call { method, receiver_end, arguments })
    }

    /// Whether a bracket of a kind is open within the innermost call of a method: `{` for a dictionary.
    pub(crate) fn is_in(&self, sign: char) -> bool {
        self.open.iter().rev().take_while(|b| b.sign != '(').any(|b| b.sign == sign)
    }

    /// The text from the innermost bracket's last comma, or from the bracket itself.
    pub(crate) fn item(&self) -> &str {
        let start = self.open.last().map_or(0, |b| b.commas.last().copied().unwrap_or(b.at) + 1);
        self.text.get(start..self.byte).unwrap_or_default()
    }

    /// What the expression is that ends at a byte: flyte's Image class, or an image.
    pub(crate) fn receiver(&self, end: usize, state: &State) -> Option<Receiver> {
        let rest = self.statement_end();
        let mut lexer = Lexer::new(&self.text, piece_start(&self.text, self.byte));
        lexer.run_to(end);
        let closing: String = lexer.open.iter().rev().map(|b| closing(b.sign)).collect();
        let ask = |call: &str| {
            let text = format!("{}{call}{closing}\n{}", &self.text[..end], &self.text[rest..]);
            let buffers = BTreeMap::from([(self.path.clone(), Arc::from(text))]);
            let fs = Overlay::new(Arc::new(state.snapshot()), buffers);
            // What an image allows does not depend on its tag.
            let unread = Handle::new(Arc::new(Unread));
            let report = state.inspect_with(&self.path, state.sources(), &fs, unread)?;
            let asked = end + call.len();
            let image = report.images.iter().find_map(|image| {
                let variant = image.variants.first()?;
                let made = variant
                    .image
                    .calls
                    .iter()
                    .any(|c| *c.site.path == *self.path && c.expression.end == asked);
                made.then(|| Arc::clone(&variant.image))
            })?;
            Some((image, Arc::clone(&report.facts)))
        };
        if let Some((image, facts)) = ask(".clone()") {
            // The probe's own call is not the image's.
            let mut image = Image::clone(&image);
            image.calls.pop();
            let release = facts.environment.release.clone();
            return Some(Receiver { is_class: false, image: Some(Arc::new(image)), release, facts });
        }
        let (_, facts) = ask(".from_base(\"probe\")")?;
        let release = facts.environment.release.clone();
        Some(Receiver { is_class: true, image: None, release, facts })
    }

    /// Where the statement of the position ends: at the first line break outside of brackets and strings, and before
    /// anything at the left edge that begins a statement.
    fn statement_end(&self) -> usize {
        let bound = piece_end(&self.text, self.byte);
        let mut lexer = Lexer::new(&self.text, self.byte);
        lexer.open.clone_from(&self.open);
        lexer.string.clone_from(&self.string);
        lexer.comment = self.comment;
        while lexer.at < bound {
            let before = lexer.at;
            lexer.step();
            let line_broke = self.text[before..lexer.at].ends_with('\n');
            if line_broke && lexer.open.is_empty() && lexer.string.is_none() {
                return lexer.at;
            }
        }
        bound
    }
}

impl Call {
    /// The argument at the position.
    pub(crate) fn argument(&self) -> Option<&Argument> {
        self.arguments.last()
    }

    /// The names that are given already.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().filter_map(|a| a.keyword.as_deref())
    }

    /// How many arguments are given by position, up to the one at the position.
    pub(crate) fn positional(&self) -> usize {
        self.arguments.iter().rev().skip(1).filter(|a| a.keyword.is_none()).count()
    }

    /// The text of an argument that is given already.
    pub(crate) fn given<'t>(&self, text: &'t str, keyword: Option<&str>, number: usize) -> Option<&'t str> {
        let argument = self.arguments.iter().find(|a| match &a.keyword {
            Some(name) => Some(name.as_str()) == keyword,
            None => a.number == number,
        })?;
        text.get(argument.value.clone()).map(str::trim)
    }
}

/// `name=` at the beginning of a text: the name, and the byte behind the `=`.
fn keyword_of(text: &str) -> Option<(String, usize)> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').filter(|e| *e > 0)?;
    let rest = text[end..].trim_start();
    let rest = rest.strip_prefix('=').filter(|r| !r.starts_with('='))?;
    Some((text[..end].to_owned(), text.len() - rest.len()))
}

fn closing(sign: char) -> char {
    match sign {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

/// Whether a line at the left edge begins a statement.
fn begins_statement(line: &str) -> bool {
    line.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '@'))
}

/// Where the statement of the module begins that a byte is in.
fn piece_start(text: &str, byte: usize) -> usize {
    let mut end = text[byte..].find('\n').map_or(text.len(), |at| byte + at);
    loop {
        let start = text[..end].rfind('\n').map_or(0, |at| at + 1);
        if start == 0 || begins_statement(&text[start..end]) {
            return start;
        }
        end = start - 1;
    }
}

/// Where the next statement of the module begins.
fn piece_end(text: &str, byte: usize) -> usize {
    let mut at = byte;
    while let Some(offset) = text[at..].find('\n') {
        at += offset + 1;
        if begins_statement(&text[at..]) {
            return at;
        }
    }
    text.len()
}

/// Brackets, strings and comments of Python, as far as they open and close.
struct Lexer<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Bracket>,
    string: Option<StringAt>,
    comment: Option<usize>,
    dot: Option<(usize, usize)>,
    /// Where the last code ended.
    code_end: usize,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str, at: usize) -> Self {
        Self { text, at, open: Vec::new(), string: None, comment: None, dot: None, code_end: at }
    }

    fn run_to(&mut self, end: usize) {
        while self.at < end {
            self.step();
        }
        self.at = end;
    }

    /// Goes over the next character, or over quotes.
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let Some(c) = rest.chars().next() else {
            self.at += 1;
            return;
        };
        let mut width = c.len_utf8();
        if self.comment.is_some() {
            if c == '\n' {
                self.comment = None;
            }
        } else if let Some(string) = &self.string {
            if c == '\\' {
                width += rest[1..].chars().next().map_or(0, char::len_utf8);
            } else if rest.starts_with(string.quote.as_str()) {
                width = string.quote.len();
                self.string = None;
            } else if c == '\n' && string.quote.len() == 1 {
                self.string = None;
            }
        } else {
            match c {
                '#' => self.comment = Some(self.at),
                '.' => self.dot = Some((self.at, self.code_end)),
                '(' | '[' | '{' => {
                    self.open.push(Bracket { sign: c, at: self.at, commas: Vec::new(), dot: self.dot })
                }
                ')' | ']' | '}' => {
                    self.open.pop();
                }
                ',' => {
                    if let Some(bracket) = self.open.last_mut() {
                        bracket.commas.push(self.at);
                    }
                }
                '"' | '\'' => {
                    let triple = rest.get(..3).is_some_and(|q| q.chars().all(|d| d == c));
                    width = if triple { 3 } else { 1 };
                    let before = &self.text[..self.at];
                    let letters =
                        before.len() - before.trim_end_matches(|d: char| d.is_ascii_alphabetic()).len();
                    let prefix = before[before.len() - letters..].to_ascii_lowercase();
                    let prefix = if letters <= 2 { prefix } else { String::new() };
                    let quote = rest[..width].to_owned();
                    self.string = Some(StringAt { start: self.at + width, quote, prefix });
                }
                _ => {}
            }
        }
        self.at += width;
        if self.comment.is_none() && !c.is_whitespace() {
            self.code_end = self.at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Place {
        let byte = text.find('|').expect("a cursor");
        Place::read(PathBuf::from("/m.py"), text.replacen('|', "", 1).into(), byte)
    }

    #[test]
    fn what_is_open_is_seen() {
        let place = read("x = 'a'\nimage = base.with_pip_packages(\"a\", 'b,(', index_url=\"|");
        let call = place.call().expect("a call");
        assert_eq!((call.method.as_str(), call.positional()), ("with_pip_packages", 2));
        assert_eq!(call.argument().and_then(|a| a.keyword.as_deref()), Some("index_url"));
        assert!(place.string.is_some());
        let place = read("a = [flyte.Image.from_base('x')  # it's (\n    .wi|\n    .with_b()]\nb = 1\n");
        assert_eq!(place.word().1, "wi");
        let end = place.attribute_of().expect("an attribute");
        assert!(place.text[..end].ends_with("('x')"));
        assert_eq!(&place.text[place.statement_end()..], "b = 1\n");
        let place = read("f(x, [1, {'a': '''\n\"|'''})");
        assert_eq!(place.string.as_ref().map(|s| s.quote.as_str()), Some("'''"));
        assert!(place.is_in('{') && read("# (\nx|").open.is_empty());
    }
}
