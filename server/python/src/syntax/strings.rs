//! The value of string literals.

/// What stands before the quotes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) raw: bool,
    pub(super) bytes: bool,
    pub(super) format: bool,
}

impl Prefix {
    /// Reads the prefix of an opening such as `rb"""`.
    pub(super) fn of(opening: &str) -> Self {
        let mut prefix = Self::default();
        for c in opening.chars() {
            match c.to_ascii_lowercase() {
                'r' => prefix.raw = true,
                'b' => prefix.bytes = true,
                'f' | 't' => prefix.format = true,
                _ => {}
            }
        }
        prefix
    }
}

/// The text between the quotes as Python reads it. `None` where a character has no place in a Rust string (a lone
/// surrogate) or is named (`\N{…}`), which are too rare to carry tables for.
pub(super) fn unescape(raw: &str, prefix: Prefix) -> Option<String> {
    let text =
        if raw.contains('\r') { raw.replace("\r\n", "\n").replace('\r', "\n") } else { raw.to_owned() };
    if prefix.raw || !text.contains('\\') {
        return Some(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = chars.next() else {
            out.push('\\');
            break;
        };
        match kind {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(kind),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            '0'..='7' => {
                let mut code = kind.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|d| d.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.push(char::from_u32(code)?);
            }
            'x' => out.push(hex(&mut chars, 2)?),
            'u' if !prefix.bytes => out.push(hex(&mut chars, 4)?),
            'U' if !prefix.bytes => out.push(hex(&mut chars, 8)?),
            'N' if !prefix.bytes => return None,
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    Some(out)
}

fn hex(chars: &mut impl Iterator<Item = char>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}

/// The bytes of a bytes literal, from the text that [`unescape`] gave: every character is one byte.
pub(super) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_pythons() {
        let plain = Prefix::default();
        for (raw, value) in [
            (r"a\n\t\\", Some("a\n\t\\")),
            (r"\x41\101\u00e9\U0001f600", Some("AAé😀")),
            (r"\q\d", Some(r"\q\d")),
            ("a\\\nb", Some("ab")),
            (r"\ud800", None),
            (r"\N{DASH}", None),
            (r"\x4", None),
        ] {
            assert_eq!(unescape(raw, plain).as_deref(), value, "{raw}");
        }
        assert_eq!(unescape(r"\n", Prefix { raw: true, ..plain }).as_deref(), Some(r"\n"));
        assert_eq!(Prefix::of("Rb'''"), Prefix { raw: true, bytes: true, format: false });
    }
}
