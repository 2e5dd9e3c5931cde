//! Values: strings, arrays, inline tables, and what is left to numbers and dates.

use super::decode::inline_object;
use super::number::{date, number, time};
use super::{DecodeError, Table, Toml, ValueError, index_error, value_error};
use crate::pytext::strip;

pub(super) fn is_string_array(a: &[char]) -> bool {
    let inner: String = if a.len() < 2 { String::new() } else { a[1..a.len() - 1].iter().collect() };
    strip(&inner).starts_with(['"', '\''])
}

/// Reads one value; the second part is the package's name of its type, which arrays compare.
pub(super) fn load_value(text: &str, strict: bool) -> Result<(Toml, &'static str), ValueError> {
    let Some(first) = text.chars().next() else { return value_error("Empty value is invalid") };
    match text {
        "true" => return Ok((Toml::Bool(true), "bool")),
        "false" => return Ok((Toml::Bool(false), "bool")),
        _ if matches!(text.to_lowercase().as_str(), "true" | "false") => {
            return value_error("Only all lowercase booleans allowed");
        }
        _ => {}
    }
    match first {
        '"' | '\'' => Ok((Toml::Str(load_string(text, first)?), "str")),
        '[' => Ok((Toml::Array(load_array(text)?), "array")),
        '{' => {
            let mut level = Toml::Table(Table::default());
            inline_object(text, &mut level)?;
            Ok((level, "inline_object"))
        }
        _ => {
            if let Some(time) = time(text) {
                return Ok((Toml::Date(time?), "time"));
            }
            if let Some(date) = date(text) {
                return Ok((Toml::Date(date), "date"));
            }
            if !strict {
                return value_error("Weirdness with leading zeroes or underscores in your number.");
            }
            number(text)
        }
    }
}

fn load_string(text: &str, quote: char) -> Result<String, ValueError> {
    let body: String = text.chars().skip(1).collect();
    let mut parts: Vec<&str> = body.split(quote).collect();
    let mut triple = false;
    let mut triple_count = 0;
    if parts.len() > 1 && parts[0].is_empty() && parts[1].is_empty() {
        parts.drain(..2);
        triple = true;
    }
    let mut closed = false;
    for part in parts {
        if part.is_empty() {
            if triple {
                triple_count += 1;
            } else {
                closed = true;
            }
            continue;
        }
        let trailing = part.chars().rev().take_while(|c| *c == '\\').count();
        if trailing % 2 == 1 {
            continue;
        }
        if closed {
            return value_error("Found tokens after a closed string. Invalid TOML.");
        }
        if !triple || triple_count > 1 {
            closed = true;
        } else {
            triple_count = 0;
        }
    }
    let mut v = text.to_owned();
    if quote == '"' {
        check_escapes(&v)?;
        for prefix in ["\\u", "\\U"] {
            if v.contains(prefix) {
                v = unicode_escapes(&v, prefix)?;
            }
        }
        v = unescape(&v)?;
    }
    let mut c: Vec<char> = v.chars().collect();
    if c.len() > 1 && c[1] == quote && (c.len() < 3 || c[1] == c[2]) {
        c = if c.len() >= 4 { c[2..c.len() - 2].to_vec() } else { Vec::new() };
    }
    Ok(if c.len() < 2 { String::new() } else { c[1..c.len() - 1].iter().collect() })
}

const ESCAPES: &str = "0bfnrt\"";

fn check_escapes(v: &str) -> Result<(), ValueError> {
    let mut backslash = false;
    for part in v.split('\\').skip(1) {
        match part.chars().next() {
            None => backslash = !backslash,
            Some(c) => {
                if !ESCAPES.contains(c) && c != 'u' && c != 'U' && !backslash {
                    return value_error("Reserved escape sequence used");
                }
                backslash = false;
            }
        }
    }
    Ok(())
}

fn odd_trailing_backslashes(s: &str) -> bool {
    s.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

fn unicode_escapes(text: &str, prefix: &str) -> Result<String, ValueError> {
    let mut parts = text.split(prefix);
    let mut v = parts.next().unwrap_or_default().to_owned();
    let mut skip = odd_trailing_backslashes(&v);
    for hx in parts {
        if skip {
            skip = odd_trailing_backslashes(hx);
            v.push_str(prefix);
            v.push_str(hx);
            continue;
        }
        let width = if prefix == "\\U" { 8 } else { 4 };
        let digits: String = hx.chars().take(width).collect::<String>().to_lowercase();
        if !digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
            // Python strips hexadecimal digits from both ends and looks whether anything is left.
            return value_error(&format!("Invalid escape sequence: {digits}"));
        }
        let mut chars = digits.chars();
        let (first, second) = (chars.next(), chars.next());
        match (first, second) {
            (None, _) | (Some('d'), None) => return index_error("string"),
            (Some('d'), Some(c)) if !('0'..='7').contains(&c) => {
                let message =
                    format!("Invalid escape sequence: {digits}. Only scalar unicode points are allowed.");
                return value_error(&message);
            }
            _ => {}
        }
        let code = u32::from_str_radix(&digits, 16).map_err(|_| DecodeError::Unmodelled)?;
        match char::from_u32(code) {
            Some(c) => v.push(c),
            None if code > 0x10_ffff => return value_error("chr() arg not in range(0x110000)"),
            None => return Err(DecodeError::Unmodelled.into()),
        }
        v.extend(hx.chars().skip(digits.chars().count()));
    }
    Ok(v)
}

pub(super) fn unescape(text: &str) -> Result<String, ValueError> {
    let mut v: Vec<char> = text.chars().collect();
    let mut i = 0;
    let mut backslash = false;
    while i < v.len() {
        if !backslash {
            backslash = v[i] == '\\';
            i += 1;
            continue;
        }
        backslash = false;
        let replacement = match v[i] {
            '0' => '\0',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '"' => '"',
            '\\' => '\\',
            'u' | 'U' => {
                i += 1;
                continue;
            }
            _ => return value_error("Reserved escape sequence used"),
        };
        v.splice(i - 1..=i, [replacement]);
    }
    Ok(v.into_iter().collect())
}

fn load_array(text: &str) -> Result<Vec<Toml>, ValueError> {
    let a: Vec<char> = strip(text).chars().collect();
    let inner: String = if a.len() < 2 { String::new() } else { a[1..a.len() - 1].iter().collect() };
    let nested = inner.contains('[') && strip(inner.split('[').next().unwrap_or_default()).is_empty();
    let mut items: Vec<String> = if nested {
        split_nested(&inner)
    } else if strip(&inner).starts_with('{') {
        split_inline_objects(&a)
    } else {
        inner.split(',').map(str::to_owned).collect()
    };
    if !nested && is_string_array(&a) {
        join_strings(&mut items)?;
    }
    let mut values = Vec::new();
    let mut kind: Option<&str> = None;
    for item in &items {
        let item = strip(item);
        if item.is_empty() {
            continue;
        }
        let (value, this) = load_value(item, true)?;
        match kind {
            Some(kind) if kind != this => return value_error("Not a homogeneous array"),
            _ => kind = Some(this),
        }
        values.push(value);
    }
    Ok(values)
}

fn split_nested(inner: &str) -> Vec<String> {
    let mut items = Vec::new();
    let (mut depth, mut start) = (0_i64, 0);
    for (i, c) in inner.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                items.push(inner[start..i].to_owned());
                start = i + 1;
            }
            _ => {}
        }
    }
    items.push(inner[start..].to_owned());
    items
}

/// Cuts an array of inline tables at the braces that the package takes for matching.
fn split_inline_objects(a: &[char]) -> Vec<String> {
    let mut items = Vec::new();
    let mut start = 1;
    let mut end = 2;
    let mut depth = i64::from(a.get(1) == Some(&'{'));
    let mut in_string = false;
    while end + 1 < a.len() {
        if matches!(a[end], '"' | '\'') {
            if in_string {
                let mut k = end;
                while k > 0 && a[k - 1] == '\\' {
                    in_string = !in_string;
                    k -= 1;
                }
            }
            in_string = !in_string;
        }
        if !in_string && a[end] == '{' {
            depth += 1;
        }
        if in_string || a[end] != '}' {
            end += 1;
            continue;
        }
        if depth > 1 {
            depth -= 1;
            end += 1;
            continue;
        }
        end += 1;
        items.push(a[start.min(end)..end].iter().collect());
        start = end + 1;
        while start + 1 < a.len() && a[start] != '{' {
            start += 1;
        }
        end = start + 1;
    }
    items
}

/// Rejoins strings that were cut at a comma inside their quotes.
fn join_strings(items: &mut Vec<String>) -> Result<(), ValueError> {
    let mut b = 0;
    while b + 1 < items.len() {
        let mut joined = strip(&items[b]).to_owned();
        while !is_bounded(&joined) || is_open_triple(&joined)? {
            if b + 1 >= items.len() {
                return index_error("list");
            }
            let next = items.remove(b + 1);
            items[b] = format!("{},{next}", items[b]);
            joined = strip(&items[b]).to_owned();
        }
        b += 1;
    }
    Ok(())
}

fn is_bounded(s: &str) -> bool {
    let c: Vec<char> = s.chars().collect();
    if c.is_empty() {
        return true;
    }
    if c[c.len() - 1] != c[0] {
        return false;
    }
    let mut backslash = false;
    let mut i = c.len().wrapping_sub(2);
    while i > 0 && i < c.len() && c[i] == '\\' {
        backslash = !backslash;
        i -= 1;
    }
    !backslash
}

fn is_open_triple(s: &str) -> Result<bool, ValueError> {
    let c: Vec<char> = s.chars().collect();
    let n = c.len();
    Ok(n > 2 && c[0] == c[1] && c[0] == c[2] && c[n - 2] != c[0] && c[n - 3] != c[0])
}
