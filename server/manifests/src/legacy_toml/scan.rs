//! The first pass of `toml.loads`: finds keys without values and open strings, blanks comments, and joins the
//! lines of arrays and of multi-line strings where the package does.

use super::DecodeError;
use crate::pytext::is_space;

/// Python indexing: negative indexes count from the end, outside is an `IndexError`.
fn at(chars: &[char], index: isize) -> Option<char> {
    let len = isize::try_from(chars.len()).ok()?;
    let index = if index < 0 { index + len } else { index };
    usize::try_from(index).ok().and_then(|i| chars.get(i)).copied()
}

pub(super) fn error_at(message: &str, doc: &[char], pos: usize) -> DecodeError {
    let before = &doc[..pos.min(doc.len())];
    let line = before.iter().filter(|c| **c == '\n').count() + 1;
    let column = match before.iter().rposition(|c| *c == '\n') {
        Some(newline) => pos - newline,
        None => pos + 1,
    };
    DecodeError::Toml(format!("{message} (line {line} column {column} char {pos})"))
}

fn list_index_error() -> DecodeError {
    DecodeError::Raised { exception: "IndexError", message: "list index out of range".to_owned() }
}

#[derive(Default)]
struct Scanner {
    chars: Vec<char>,
    open_arrays: i64,
    open_string: bool,
    quote: Option<char>,
    multiline: bool,
    array_of_tables: bool,
    key_group: bool,
    dotted_key: bool,
    /// 0 outside a key, 1 within it, 2 after it.
    key_state: u8,
}

/// Runs the pass over the whole text and returns the text that the second pass reads.
pub(super) fn scan(original: &[char]) -> Result<Vec<char>, DecodeError> {
    let mut s = Scanner { chars: original.to_vec(), ..Scanner::default() };
    let mut begin_line = true;
    for i in 0..s.chars.len() {
        let item = s.chars[i];
        let here = isize::try_from(i).unwrap_or(isize::MAX);
        if item == '\r' {
            match s.chars.get(i + 1) {
                Some('\n') => {
                    s.chars[i] = ' ';
                    continue;
                }
                Some(_) => {}
                None => return Err(list_index_error()),
            }
        }
        if s.key_state != 0 && s.in_key(item, i, here, original)? {
            continue;
        }
        s.quotes(item, here);
        if item == '#' && !s.open_string && !s.key_group && !s.array_of_tables {
            let mut j = i;
            while j < s.chars.len() && s.chars[j] != '\n' {
                s.chars[j] = ' ';
                j += 1;
            }
            if j >= s.chars.len() {
                break;
            }
        }
        s.brackets(item, i, here, begin_line);
        if item == '\n' {
            if s.end_of_line(i, here, original)? {
                begin_line = true;
            }
        } else if begin_line && s.chars[i] != ' ' && s.chars[i] != '\t' {
            begin_line = false;
            if !s.key_group && !s.array_of_tables {
                if s.chars[i] == '=' {
                    return Err(error_at("Found empty keyname. ", original, i));
                }
                s.key_state = 1;
            }
        }
    }
    let end = original.len();
    if s.key_state != 0 {
        return Err(error_at("Key name found without value. Reached end of file.", original, end));
    }
    if s.open_string {
        return Err(error_at("Unterminated string found. Reached end of file.", original, end));
    }
    Ok(s.chars)
}

impl Scanner {
    /// One character while a key is read. Returns whether the character is used up.
    fn in_key(&mut self, item: char, i: usize, here: isize, original: &[char]) -> Result<bool, DecodeError> {
        if item == '\n' {
            return Err(error_at("Key name found without value. Reached end of line.", original, i));
        }
        if self.open_string {
            if Some(item) == self.quote {
                let mut odd_backslash = false;
                let mut k = 1;
                while here >= k && at(&self.chars, here - k) == Some('\\') {
                    odd_backslash = !odd_backslash;
                    k += 1;
                }
                if !odd_backslash {
                    self.key_state = 2;
                    self.open_string = false;
                    self.quote = None;
                }
            }
            return Ok(true);
        }
        if self.key_state == 1 {
            if is_space(item) {
                self.key_state = 2;
                return Ok(true);
            }
            if item == '.' {
                self.dotted_key = true;
                return Ok(true);
            }
            if item.is_alphanumeric() || item == '_' || item == '-' {
                return Ok(true);
            }
            if self.dotted_key && at(&self.chars, here - 1) == Some('.') && (item == '"' || item == '\'') {
                self.open_string = true;
                self.quote = Some(item);
                return Ok(true);
            }
        } else if is_space(item) || item == '.' {
            if item == '.' {
                self.dotted_key = true;
            }
            if self.dotted_key {
                let next = self.chars.get(i + 1).ok_or_else(list_index_error)?;
                if !is_space(*next) && *next != '.' {
                    self.key_state = 1;
                }
            }
            return Ok(true);
        }
        if item != '=' {
            let message = format!("Found invalid character in key name: '{item}'. Try quoting the key name.");
            return Err(error_at(&message, original, i));
        }
        self.key_state = 0;
        self.dotted_key = false;
        Ok(false)
    }

    /// Opens and closes strings. The package looks backwards for triple quotes, past the start of the text too.
    fn quotes(&mut self, item: char, here: isize) {
        if item == '\'' && self.quote != Some('"') {
            let mut k = 1;
            while at(&self.chars, here - k) == Some('\'') {
                k += 1;
                if k == 3 {
                    break;
                }
            }
            if k == 3 {
                self.multiline = !self.multiline;
                self.open_string = self.multiline;
            } else {
                self.open_string = !self.open_string;
            }
            self.quote = self.open_string.then_some('\'');
        }
        if item == '"' && self.quote != Some('\'') {
            let mut odd_backslash = false;
            let mut k = 1;
            let mut triple = false;
            while at(&self.chars, here - k) == Some('"') {
                k += 1;
                if k == 3 {
                    triple = true;
                    break;
                }
            }
            if k == 1 || (k == 3 && triple) {
                while at(&self.chars, here - k) == Some('\\') {
                    odd_backslash = !odd_backslash;
                    k += 1;
                }
            }
            if !odd_backslash {
                if triple {
                    self.multiline = !self.multiline;
                    self.open_string = self.multiline;
                } else {
                    self.open_string = !self.open_string;
                }
            }
            self.quote = self.open_string.then_some('"');
        }
    }

    fn brackets(&mut self, item: char, i: usize, here: isize, begin_line: bool) {
        if item == '[' && !self.open_string && !self.key_group && !self.array_of_tables {
            if begin_line {
                if self.chars.get(i + 1) == Some(&'[') {
                    self.array_of_tables = true;
                } else {
                    self.key_group = true;
                }
            } else {
                self.open_arrays += 1;
            }
        }
        if item == ']' && !self.open_string {
            if self.key_group {
                self.key_group = false;
            } else if self.array_of_tables {
                if at(&self.chars, here - 1) == Some(']') {
                    self.array_of_tables = false;
                }
            } else {
                self.open_arrays -= 1;
            }
        }
    }

    /// The end of a line; returns whether the next character begins a new statement.
    fn end_of_line(&mut self, i: usize, here: isize, original: &[char]) -> Result<bool, DecodeError> {
        if self.open_string || self.multiline {
            if !self.multiline {
                return Err(error_at("Unbalanced quotes", original, i));
            }
            let last = at(&self.chars, here - 1);
            if let Some(quote @ ('\'' | '"')) = last
                && at(&self.chars, here - 2) == last
            {
                self.chars[i] = quote;
                if at(&self.chars, here - 3) == last {
                    let len = isize::try_from(self.chars.len()).unwrap_or(isize::MAX);
                    let third = if here < 3 { here - 3 + len } else { here - 3 };
                    if let Some(slot) = usize::try_from(third).ok().and_then(|t| self.chars.get_mut(t)) {
                        *slot = ' ';
                    }
                }
            }
            return Ok(false);
        }
        if self.open_arrays != 0 {
            self.chars[i] = ' ';
            return Ok(false);
        }
        Ok(true)
    }
}
