//! What the parser is given: the text, byte for byte in its place, without two things that the grammar is not made for.
//!
//! - A lone carriage return ends a line in Python; the grammar reads on, to the end of a comment say. It becomes a line
//!   feed.
//! - For every comment the grammar's scanner looks through all comments after it, so that a long run of them takes
//!   quadratic time. Runs of more than [`RUN`] lines become empty lines.

use std::borrow::Cow;

/// Lines of comments in a row that are still parsed.
const RUN: usize = 500;

/// The text for the parser, with every byte at its place.
pub(super) fn prepared(text: &str) -> Cow<'_, str> {
    let text = without_lone_returns(text);
    match long_runs(&text).as_slice() {
        [] => text,
        runs => {
            let mut out = text.clone().into_owned().into_bytes();
            for range in runs {
                for byte in &mut out[range.clone()] {
                    if !matches!(byte, b'\n' | b'\r') {
                        *byte = b' ';
                    }
                }
            }
            // Only whole lines became spaces: what is left of characters is whole, too.
            String::from_utf8(out).map_or(text, Cow::Owned)
        }
    }
}

fn without_lone_returns(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_lone = |i: usize| bytes[i] == b'\r' && bytes.get(i + 1) != Some(&b'\n');
    if !(0..bytes.len()).any(is_lone) {
        return Cow::Borrowed(text);
    }
    let replaced = (0..bytes.len()).map(|i| if is_lone(i) { b'\n' } else { bytes[i] }).collect();
    String::from_utf8(replaced).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The runs of lines that are comments, where there are very many. Lines inside of strings are none.
fn long_runs(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    let mut found = Vec::new();
    let (mut start, mut count, mut at) = (0, 0, 0);
    for line in text.split_inclusive('\n').chain(["x"]) {
        if is_comment(line) {
            if count == 0 {
                start = at;
            }
            count += 1;
        } else if !line.trim().is_empty() {
            if count > RUN && !in_string(&text[..start]) {
                found.push(start..at);
            }
            count = 0;
        }
        at += line.len();
    }
    found
}

/// Whether a text ends inside of a string in triple quotes.
fn in_string(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut open: Option<&[u8]> = None;
    let mut i = 0;
    while i < bytes.len() {
        let rest = &bytes[i..];
        match open {
            Some(quote) if rest[0] == b'\\' => {
                i += 2;
                if quote.len() == 1 && rest.get(1) == Some(&b'\n') {
                    continue;
                }
            }
            Some(quote) if rest.starts_with(quote) => {
                open = None;
                i += quote.len();
            }
            // A plain string ends with its line.
            Some(quote) if quote.len() == 1 && rest[0] == b'\n' => {
                open = None;
                i += 1;
            }
            Some(_) => i += 1,
            None => match [&b"\"\"\""[..], b"'''", b"\"", b"'"].into_iter().find(|q| rest.starts_with(q)) {
                Some(quote) => {
                    open = Some(quote);
                    i += quote.len();
                }
                None if rest[0] == b'#' => i += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
                None => i += 1,
            },
        }
    }
    open.is_some_and(|quote| quote.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_stays_at_its_place() {
        assert_eq!(prepared("a\rb\r\nc"), "a\nb\r\nc");
        let run = "# é\n".repeat(RUN + 1);
        let text = format!("x = 1\n{run}y = 2\n");
        let given = prepared(&text);
        assert_eq!(given.len(), text.len());
        assert!(given.starts_with("x = 1\n    ") && given.ends_with("\ny = 2\n") && !given.contains('#'));
        let string = format!("x = '''\n{run}'''\n");
        assert_eq!(prepared(&string), string);
    }
}
