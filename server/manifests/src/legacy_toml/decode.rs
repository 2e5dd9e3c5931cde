//! The second pass of `toml.loads`: headers, keys and values, line by line.

use super::number::{date, python_float, strictly_valid, time};
use super::scan::{error_at, scan};
use super::value::{is_string_array, load_value, unescape};
use super::{DecodeError, Table, Toml, ValueError, index_error, value_error};
use crate::pytext::strip;

/// Reads a document.
///
/// # Errors
/// See [`DecodeError`].
pub fn loads(text: &str) -> Result<Table, DecodeError> {
    let original: Vec<char> = text.chars().collect();
    let joined: String = scan(&original)?.into_iter().collect();
    let mut reader =
        Reader { original, root: Toml::Table(Table::default()), level: Vec::new(), implicit: Vec::new() };
    let mut open = Open::default();
    let mut pos = 0;
    for line in joined.split('\n') {
        reader.line(line, pos, &mut open)?;
        pos += line.chars().count() + 1;
    }
    match reader.root {
        Toml::Table(table) => Ok(table),
        _ => Err(DecodeError::Unmodelled),
    }
}

/// One step from the root to the table that is being filled.
#[derive(Clone)]
enum Step {
    Key(String),
    Last,
}

/// A value that goes on over several lines.
#[derive(Default)]
struct Open {
    key: Option<String>,
    text: String,
    backslash: bool,
}

struct Reader {
    original: Vec<char>,
    root: Toml,
    level: Vec<Step>,
    implicit: Vec<String>,
}

/// What a line of `key = value` gave: a value, or the start of a multi-line one.
enum Line {
    Done,
    Opened { key: String, text: String, backslash: bool },
}

impl Reader {
    fn positioned(&self, error: ValueError, pos: usize) -> DecodeError {
        match error {
            ValueError::Value(message) => error_at(&message, &self.original, pos),
            ValueError::Other(other) => other,
        }
    }

    fn at(&mut self, path: &[Step]) -> Result<&mut Toml, DecodeError> {
        let mut here = &mut self.root;
        for step in path {
            here = match (step, here) {
                (Step::Key(key), Toml::Table(t)) => t.get_mut(key).ok_or(DecodeError::Unmodelled)?,
                (Step::Last, Toml::Array(items)) => items.last_mut().ok_or(DecodeError::Unmodelled)?,
                _ => return Err(DecodeError::Unmodelled),
            };
        }
        Ok(here)
    }

    fn current(&mut self) -> Result<&mut Toml, DecodeError> {
        let path = self.level.clone();
        self.at(&path)
    }

    fn line(&mut self, raw: &str, pos: usize, open: &mut Open) -> Result<(), DecodeError> {
        let keep = !open.text.is_empty() && !open.backslash && open.text.contains('\n');
        let line = if keep { raw } else { strip(raw) };
        let multikey = open.key.as_ref().is_some_and(|k| !k.is_empty());
        if line.is_empty() && (!multikey || open.backslash) {
            return Ok(());
        }
        if multikey {
            return self.continue_value(line, pos, open);
        }
        if line.starts_with('[') {
            return self.header(line, pos);
        }
        if line.starts_with('{') {
            if !line.ends_with('}') {
                return Err(error_at("Line breaks are not allowed in inlineobjects", &self.original, pos));
            }
            let level = self.current()?;
            let outcome = inline_object(line, level);
            return outcome.map_err(|e| self.positioned(e, pos));
        }
        if line.contains('=') {
            let backslash = open.backslash;
            let level = self.current()?;
            let outcome = load_line(line, level, backslash);
            if let Line::Opened { key, text, backslash } = outcome.map_err(|e| self.positioned(e, pos))? {
                *open = Open { key: Some(key), text, backslash };
            }
        }
        Ok(())
    }

    fn continue_value(&mut self, line: &str, pos: usize, open: &mut Open) -> Result<(), DecodeError> {
        open.text.push_str(line);
        open.backslash = false;
        let chars: Vec<char> = line.chars().collect();
        let first = open.text.chars().next();
        let closed = if first == Some('[') {
            let Some(last) = chars.last() else {
                return Err(DecodeError::Raised {
                    exception: "IndexError",
                    message: "string index out of range".to_owned(),
                });
            };
            *last == ']'
        } else {
            chars.len() > 2 && chars[chars.len() - 3..].iter().all(|c| Some(*c) == first)
        };
        if closed {
            let (value, _) = load_value(&open.text, true).map_err(|e| self.positioned(e, pos))?;
            let key = open.key.take().unwrap_or_default();
            open.text.clear();
            let Toml::Table(table) = self.current()? else { return Err(DecodeError::Unmodelled) };
            table.set(&key, value);
            return Ok(());
        }
        // As the package does: every backslash but one at the very start flips the state.
        for c in open.text.chars().rev() {
            if c != '\\' {
                break;
            }
            open.backslash = !open.backslash;
        }
        if open.backslash {
            open.text.pop();
        } else {
            open.text.push('\n');
        }
        Ok(())
    }

    fn header(&mut self, line: &str, pos: usize) -> Result<(), DecodeError> {
        if line.chars().count() == 1 {
            return Err(error_at("Opening key group bracket on line by itself.", &self.original, pos));
        }
        let array_of_tables = line[1..].starts_with('[');
        let (line, close) = if array_of_tables { (&line[2..], "]]") } else { (&line[1..], "]") };
        let mut splits = 1;
        let mut quoted = false;
        for part in split_on_quotes(line) {
            if !quoted && part.contains(close) {
                break;
            }
            splits += part.matches(close).count();
            quoted = !quoted;
        }
        let pieces: Vec<&str> = line.splitn(splits + 1, close).collect();
        let rest = pieces.last().copied().unwrap_or_default();
        if pieces.len() < splits + 1 || !strip(rest).is_empty() {
            return Err(error_at("Key group not on a line by itself.", &self.original, pos));
        }
        let inner = pieces[..pieces.len() - 1].join(close);
        let groups = self.group_names(&inner, pos)?;
        self.enter(&groups, array_of_tables, pos)
    }

    fn group_names(&self, inner: &str, pos: usize) -> Result<Vec<String>, DecodeError> {
        let mut groups: Vec<String> = inner.split('.').map(str::to_owned).collect();
        let mut i = 0;
        while i < groups.len() {
            groups[i] = strip(&groups[i]).to_owned();
            if groups[i].starts_with(['"', '\'']) {
                let mut group = groups[i].clone();
                let mut j = i + 1;
                while group.chars().next() != group.chars().last() || group.chars().count() == 1 {
                    j += 1;
                    if j > groups.len() + 2 {
                        let message = format!("Invalid group name '{group}' Something went wrong.");
                        return Err(error_at(&message, &self.original, pos));
                    }
                    group = strip(&groups[i..j.min(groups.len())].join(".")).to_owned();
                }
                let inside: Vec<char> = group.chars().collect();
                groups[i] = inside[1..inside.len() - 1].iter().collect();
                let end = j.min(groups.len());
                if end > i + 1 {
                    groups.drain(i + 1..end);
                }
            } else {
                let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                if groups[i].is_empty() || !groups[i].chars().all(bare) {
                    let message = format!("Invalid group name '{}'. Try quoting it.", groups[i]);
                    return Err(error_at(&message, &self.original, pos));
                }
            }
            i += 1;
        }
        Ok(groups)
    }

    /// Makes the named group the current level.
    fn enter(&mut self, groups: &[String], array_of_tables: bool, pos: usize) -> Result<(), DecodeError> {
        self.level.clear();
        for (i, group) in groups.iter().enumerate() {
            if group.is_empty() {
                return Err(error_at("Can't have a keygroup with an empty name", &self.original, pos));
            }
            let last = i + 1 == groups.len();
            let fresh = || {
                let table = Toml::Table(Table::default());
                if last && array_of_tables { Toml::Array(vec![table]) } else { table }
            };
            if matches!(self.current()?, Toml::Array(_)) {
                self.level.push(Step::Last);
                let Toml::Table(table) = self.current()? else { return Err(DecodeError::Unmodelled) };
                if table.get(group).is_none() {
                    table.set(group, fresh());
                }
            } else {
                let Toml::Table(table) = self.current()? else { return Err(DecodeError::Unmodelled) };
                if table.get(group).is_none() {
                    table.set(group, fresh());
                    if !last {
                        self.implicit.push(group.clone());
                    }
                } else if last {
                    self.reenter(group, array_of_tables, pos)?;
                }
            }
            self.level.push(Step::Key(group.clone()));
            if array_of_tables && matches!(self.current()?, Toml::Array(_)) {
                self.level.push(Step::Last);
            }
        }
        Ok(())
    }

    /// The last group of a header exists already.
    fn reenter(&mut self, group: &str, array_of_tables: bool, pos: usize) -> Result<(), DecodeError> {
        if let Some(place) = self.implicit.iter().position(|g| g == group) {
            self.implicit.remove(place);
            if array_of_tables {
                return Err(error_at("An implicitly defined table can't be an array", &self.original, pos));
            }
            return Ok(());
        }
        let Toml::Table(table) = self.current()? else { return Err(DecodeError::Unmodelled) };
        if array_of_tables {
            return match table.get_mut(group) {
                Some(Toml::Array(items)) => {
                    items.push(Toml::Table(Table::default()));
                    Ok(())
                }
                Some(other) => Err(DecodeError::Raised {
                    exception: "AttributeError",
                    message: format!("'{}' object has no attribute 'append'", other.python_type()),
                }),
                None => Err(DecodeError::Unmodelled),
            };
        }
        let Some(shown) = table.repr() else { return Err(DecodeError::Unmodelled) };
        Err(error_at(&format!("What? {group} already exists?{shown}"), &self.original, pos))
    }
}

/// Splits a line on its quotes, so that every second piece was inside them (or so the package believes).
fn split_on_quotes(line: &str) -> Vec<String> {
    let mut doubles: Vec<&str> = line.split('"').collect();
    let mut quoted = false;
    let mut pieces: Vec<String> = Vec::new();
    if doubles.len() > 1 && doubles[0].contains('\'') {
        let mut singles: Vec<String> = doubles[0].split('\'').map(str::to_owned).collect();
        doubles.remove(0);
        while singles.len().is_multiple_of(2) && !doubles.is_empty() {
            if let Some(last) = singles.pop() {
                let joined = format!("{last}\"{}", doubles.remove(0));
                singles.extend(joined.split('\'').map(str::to_owned));
            }
        }
        pieces.extend(singles);
    }
    for part in doubles {
        if quoted {
            pieces.push(part.to_owned());
        } else {
            pieces.extend(part.split('\'').map(str::to_owned));
            quoted = !quoted;
        }
    }
    pieces
}

pub(super) fn inline_object(line: &str, level: &mut Toml) -> Result<(), ValueError> {
    let inside: Vec<char> = line.chars().collect();
    let inner: String =
        if inside.len() < 2 { String::new() } else { inside[1..inside.len() - 1].iter().collect() };
    let mut candidates: std::collections::VecDeque<String> = inner.split(',').map(str::to_owned).collect();
    if candidates.len() == 1 && strip(&candidates[0]).is_empty() {
        candidates.pop_front();
    }
    let mut groups = Vec::new();
    while let Some(candidate) = candidates.pop_front() {
        let Some((_, value)) = candidate.split_once('=') else {
            return value_error("Invalid inline table encountered");
        };
        let value = strip(value);
        let (Some(first), Some(last)) = (value.chars().next(), value.chars().last()) else {
            return index_error("string");
        };
        let whole = (first == last && matches!(first, '"' | '\''))
            || "-0123456789".contains(first)
            || matches!(value, "true" | "false")
            || (first == '[' && last == ']')
            || (first == '{' && last == '}');
        if whole {
            groups.push(candidate);
        } else if let Some(next) = candidates.front_mut() {
            *next = format!("{candidate},{next}");
        } else {
            return value_error("Invalid inline table value encountered");
        }
    }
    for group in groups {
        if let Line::Opened { .. } = load_line(&group, level, false)? {
            break;
        }
    }
    Ok(())
}

/// `line.split('=', n)`.
fn split_equals(line: &str, n: usize) -> Vec<&str> {
    line.splitn(n + 1, '=').collect()
}

/// Splits a line into key and value text, deciding which `=` separates them.
fn key_and_value(line: &str) -> Result<(String, String, bool), ValueError> {
    let mut i = 1;
    let mut quoted = false;
    for part in split_on_quotes(line) {
        if !quoted && part.contains('=') {
            break;
        }
        i += part.matches('=').count();
        quoted = !quoted;
    }
    let mut pair = split_equals(line, i);
    let mut value = pair.last().copied().unwrap_or_default().to_owned();
    let mut strict = strictly_valid(&value);
    if value.starts_with(|c: char| c.is_ascii_digit()) {
        value = value.replace('_', "");
    }
    loop {
        let settled = match value.chars().next() {
            None | Some(' ' | '\t' | '\'' | '"' | '[' | '{') => true,
            Some(_) => matches!(strip(&value), "true" | "false"),
        };
        if settled || python_float(&value).is_some() || date(&value).is_some() || time(&value).is_some() {
            break;
        }
        i += 1;
        let previous = value;
        pair = split_equals(line, i);
        value = pair.last().copied().unwrap_or_default().to_owned();
        if previous == value {
            return value_error("Invalid date or number");
        }
        if strict {
            strict = strictly_valid(&value);
        }
    }
    let key = pair[..pair.len().saturating_sub(1)].join("=");
    Ok((strip(&key).to_owned(), strip(&value).to_owned(), strict))
}

fn load_line(line: &str, level: &mut Toml, backslash: bool) -> Result<Line, ValueError> {
    let (raw_key, value_text, strict) = key_and_value(line)?;
    let mut level = level;
    let mut key = raw_key.clone();
    if raw_key.contains('.') {
        let mut levels: Vec<String> = Vec::new();
        if raw_key.contains(['"', '\'']) {
            let mut quoted = false;
            for part in split_on_quotes(&raw_key) {
                if quoted {
                    levels.push(part);
                } else {
                    levels.extend(part.split('.').map(|l| strip(l).to_owned()));
                }
                quoted = !quoted;
            }
        } else {
            levels.extend(raw_key.split('.').map(str::to_owned));
        }
        while levels.last().is_some_and(String::is_empty) {
            levels.pop();
        }
        let Some(last) = levels.pop() else { return index_error("list") };
        for name in levels.iter().filter(|l| !l.is_empty()) {
            let Toml::Table(table) = level else { return Err(DecodeError::Unmodelled.into()) };
            if table.get(name).is_none() {
                table.set(name, Toml::Table(Table::default()));
            }
            level = table.get_mut(name).ok_or(DecodeError::Unmodelled)?;
        }
        key = strip(&last).to_owned();
    } else {
        let (Some(first), Some(last)) = (raw_key.chars().next(), raw_key.chars().last()) else {
            return index_error("string");
        };
        if matches!(first, '"' | '\'') && first == last {
            let inside: Vec<char> = raw_key.chars().collect();
            let inside = if inside.len() < 2 { &[][..] } else { &inside[1..inside.len() - 1] };
            key = unescape(&inside.iter().collect::<String>())?;
        }
    }
    let opened = multiline_start(&value_text, backslash)?;
    let value = match &opened {
        Some(_) => None,
        None => Some(load_value(&value_text, strict)?.0),
    };
    let table = match level {
        Toml::Table(table) => table,
        Toml::Array(_) => return value_error("Duplicate keys!"),
        _ => return Err(DecodeError::Unmodelled.into()),
    };
    if table.get(&key).is_some() {
        return value_error("Duplicate keys!");
    }
    match (opened, value) {
        (Some((text, backslash)), _) if !key.is_empty() => Ok(Line::Opened { key, text, backslash }),
        (None, Some(value)) => {
            table.set(&key, value);
            Ok(Line::Done)
        }
        _ => Err(DecodeError::Unmodelled.into()),
    }
}

/// Whether a value begins a string over several lines: its text so far and whether it ends in a backslash.
fn multiline_start(value: &str, mut backslash: bool) -> Result<Option<(String, bool)>, ValueError> {
    let p: Vec<char> = value.chars().collect();
    let Some((end, offset)) = multiline_string(&p)? else { return Ok(None) };
    let mut k = isize::try_from(end).unwrap_or(0);
    while k > -1 {
        let Some(c) = usize::try_from(k).ok().and_then(|k| p.get(k + offset)) else {
            return index_error("string");
        };
        if *c != '\\' {
            break;
        }
        backslash = !backslash;
        k -= 1;
    }
    let text = if backslash { p[..p.len() - 1].iter().collect() } else { format!("{value}\n") };
    Ok(Some((text, backslash)))
}

fn multiline_string(value: &[char]) -> Result<Option<(usize, usize)>, ValueError> {
    if value.len() < 3 {
        return Ok(None);
    }
    let mut p: Vec<char> = value.to_vec();
    let mut offset = 0;
    if p[0] == '[' && p.last() != Some(&']') && is_string_array(&p) {
        let text: String = p[1..].iter().collect();
        let mut parts: Vec<String> = strip(&text).split(',').map(str::to_owned).collect();
        while parts.len() > 1 {
            let last = parts.pop().unwrap_or_default();
            match last.chars().next() {
                None => return index_error("string"),
                Some('"' | '\'') => {
                    parts.push(last);
                    break;
                }
                Some(_) => {
                    let before = parts.pop().unwrap_or_default();
                    parts.push(format!("{before},{last}"));
                }
            }
        }
        let last: Vec<char> = parts.pop().unwrap_or_default().chars().collect();
        offset = p.len() - last.len();
        p = last;
    }
    let Some(first) = p.first().copied() else { return index_error("string") };
    if first != '"' && first != '\'' {
        return Ok(None);
    }
    let (Some(second), Some(third)) = (p.get(1), p.get(2)) else {
        // The package compares the second character first, and only then looks at the third.
        return match p.get(1) {
            Some(second) if *second != first => Ok(None),
            _ => index_error("string"),
        };
    };
    if *second != first || *third != first {
        return Ok(None);
    }
    let n = p.len();
    if n > 5 && p[n - 3..].iter().all(|c| *c == first) {
        return Ok(None);
    }
    Ok(Some((n - 1, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        match loads(text) {
            Ok(table) => table.repr().unwrap_or_else(|| "<address>".to_owned()),
            Err(DecodeError::Toml(message)) => format!("TomlDecodeError: {message}"),
            Err(other) => format!("{other:?}"),
        }
    }

    // The expected texts were printed by the package itself (`print(toml.loads(text))`, or its error).
    #[test]
    fn reads_what_the_package_reads() {
        for (text, expected) in [
            ("dependencies = [", "{'dependencies': []}"),
            ("a = [\"x\", \"y,z\",]", "{'a': ['x', 'y,z']}"),
            (
                "requires-python = \">=3.12\"\n[tool.uv]\nexclude-newer = \"2024\"",
                "{'requires-python': '>=3.12', 'tool': {'uv': {'exclude-newer': '2024'}}}",
            ),
            ("a = 2024-01-01", "{'a': datetime.date(2024, 1, 1)}"),
            ("a = [1, \"x\"]", "TomlDecodeError: Not a homogeneous array (line 1 column 1 char 0)"),
            ("a = 1\na = 2", "TomlDecodeError: Duplicate keys! (line 2 column 1 char 6)"),
            (
                "why not\n",
                "TomlDecodeError: Found invalid character in key name: 'n'. Try quoting the key name. (line 1 column 5 char 4)",
            ),
            ("a = {b = 1, c = [2]}", "{'a': {'b': 1, 'c': [2]}}"),
            ("a = \"\"\"x\ny\"\"\"", "{'a': 'x\\ny'}"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z\\[\\]{}=\"'\\\\,.# \n\r0-9_:-]{0,60}") {
            let _ = loads(&text);
        }

        #[test]
        fn never_panics_on_anything(text in any::<String>()) {
            let _ = loads(&text);
        }
    }
}
