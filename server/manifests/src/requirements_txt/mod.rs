//! Requirements files, with places: the grammar of uv's reader, which is what an image's build runs.
//!
//! Source: uv 0.13.8, by experiment (`tests/uv/requirements_files.py` compares). Where pip takes more, it is a fault
//! here, since flyte installs with uv.

mod faults;

use std::ops::Range;

use crate::requirement::{self, Fault, Parts};
use faults::{hash_fault, is_unnamed, option_fault, requirement_fault};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `name>=1`, `name @ address`.
    Named,
    /// An address or a path without a name.
    Unnamed,
    /// `-r`: another requirements file.
    Include,
    /// `-c`: a file of constraints.
    Constraint,
    /// `-e`: a project that is installed from where it is.
    Editable,
    /// `-f`: a place to look for archives.
    FindLinks,
    /// `-i`, `--extra-index-url`: an index.
    Index,
    /// Another option; whether uv heeds it.
    Option(bool),
    /// What cannot be read.
    Invalid,
}

/// A requirement or an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// All of it, without a comment behind it.
    pub range: Range<usize>,
    /// The requirement, or the value of the option.
    pub value: Range<usize>,
    /// The values of its `--hash` options.
    pub hashes: Vec<Range<usize>>,
    /// Why uv refuses it.
    pub fault: Option<Fault>,
}

impl Entry {
    /// Whether what it names is on the machine that reads the file, not behind an address.
    #[must_use]
    pub fn is_local(&self, text: &str) -> bool {
        let value = text.get(self.value.clone()).unwrap_or_default();
        match self.kind {
            Kind::Include | Kind::Constraint | Kind::Editable | Kind::FindLinks | Kind::Unnamed => {
                is_local(value)
            }
            Kind::Named => {
                let address = requirement::parts(value).and_then(|parts: Parts| parts.address);
                address.is_some_and(|address| is_local(&value[address]))
            }
            Kind::Index | Kind::Option(_) | Kind::Invalid => false,
        }
    }
}

fn is_local(address: &str) -> bool {
    let address = address.trim();
    if address.is_empty() || address.contains("${") {
        return false;
    }
    match address.split_once("://") {
        Some((scheme, _)) => scheme.eq_ignore_ascii_case("file"),
        None => !address.starts_with("git+"),
    }
}

/// Options with a value.
const WITH_VALUE: &[(&str, Kind)] = &[
    ("--requirement", Kind::Include),
    ("--constraint", Kind::Constraint),
    ("--editable", Kind::Editable),
    ("--index-url", Kind::Index),
    ("--extra-index-url", Kind::Index),
    ("--find-links", Kind::FindLinks),
    ("--no-binary", Kind::Option(true)),
    ("--only-binary", Kind::Option(true)),
    ("--trusted-host", Kind::Option(false)),
    ("--use-feature", Kind::Option(false)),
    ("-r", Kind::Include),
    ("-c", Kind::Constraint),
    ("-e", Kind::Editable),
    ("-i", Kind::Index),
    ("-f", Kind::FindLinks),
];

/// Options without one.
const PLAIN: &[(&str, bool)] =
    &[("--no-index", true), ("--require-hashes", true), ("--pre", false), ("--prefer-binary", false)];

/// The options that a requirements file can have, for completion.
pub fn options() -> impl Iterator<Item = &'static str> {
    WITH_VALUE.iter().map(|(name, _)| *name).chain(PLAIN.iter().map(|(name, _)| *name))
}

/// The entries of a file, in order. The text must not begin with a byte order mark.
#[must_use]
pub fn read(text: &str) -> Vec<Entry> {
    let mut reader = Reader { text, at: 0 };
    let mut entries = Vec::new();
    while reader.skip_to_entry() {
        let before = reader.at;
        entries.push(reader.entry());
        // Whatever it was, the next one begins behind it.
        if reader.at == before {
            reader.at = reader.line_end(before);
        }
    }
    entries
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        from + rest.find(['\n', '\r']).unwrap_or(rest.len())
    }

    /// Goes over white space and comments; false at the end.
    fn skip_to_entry(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return !trimmed.is_empty();
            }
            self.at = self.line_end(self.at);
        }
    }

    fn entry(&mut self) -> Entry {
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with('-') {
            return self.option();
        }
        let begins = rest
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '$' | '\\' | '_'));
        if !begins {
            let sign = rest.chars().next().unwrap_or(' ');
            let message =
                format!("Unexpected '{sign}', expected '-c', '-e', '-r' or the start of a requirement");
            return self.invalid(start, start + sign.len_utf8(), message);
        }
        self.requirement()
    }

    /// What cannot be read goes up to the end of the line, or the comment in it.
    fn invalid(&mut self, start: usize, end: usize, message: String) -> Entry {
        let line_end = self.line_end(start);
        let line = self.text.get(start..line_end).unwrap_or_default();
        let stop = line.find(" #").map_or(line_end, |at| start + at);
        let range = start..start + self.text[start..stop].trim_end().len();
        self.at = line_end;
        let fault = Some(Fault { message, range: 0..end.saturating_sub(start) });
        Entry { kind: Kind::Invalid, value: range.clone(), range, hashes: Vec::new(), fault }
    }

    fn option(&mut self) -> Entry {
        let start = self.at;
        let rest = self.rest();
        let word = &rest[..rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len())];
        if let Some((name, heeded)) = PLAIN.iter().find(|(name, _)| *name == word) {
            self.at += name.len();
            let range = start..self.at;
            return Entry {
                kind: Kind::Option(*heeded),
                value: self.at..self.at,
                range,
                hashes: Vec::new(),
                fault: None,
            };
        }
        let Some((name, kind)) = WITH_VALUE.iter().find(|(name, _)| *name == word) else {
            let short = WITH_VALUE.iter().find(|(name, _)| name.len() == 2 && rest.starts_with(name));
            let message = match short {
                Some((name, _)) => {
                    let next = rest[name.len()..].chars().next().unwrap_or(' ');
                    format!("Expected '=' or whitespace after {name}, found '{next}'")
                }
                None => format!("{word} is no option of a requirements file"),
            };
            return self.invalid(start, start + word.len(), message);
        };
        self.at += name.len();
        let line_end = self.line_end(self.at);
        let line = &self.text[self.at..line_end];
        if line.trim_start_matches('=').trim().is_empty() || line.trim_start().starts_with('#') {
            let message = format!("{name} needs a value");
            return self.invalid(start, start + name.len(), message);
        }
        let value = line.strip_prefix('=').unwrap_or(line);
        let mut from = self.at + (line.len() - value.len());
        from += value.len() - value.trim_start().len();
        let stop = comment_in(&self.text[from..line_end]).map_or(line_end, |at| from + at);
        let value = from..from + self.text[from..stop].trim_end().len();
        self.at = line_end;
        let mut entry =
            Entry { kind: kind.clone(), range: start..value.end, value, hashes: Vec::new(), fault: None };
        entry.fault = option_fault(name, self.text, &entry);
        entry
    }

    fn requirement(&mut self) -> Entry {
        let start = self.at;
        let end = self.requirement_end();
        let value = start..start + self.text[start..end].trim_end().len();
        self.at = end;
        let text = &self.text[value.clone()];
        let kind = if is_unnamed(text) { Kind::Unnamed } else { Kind::Named };
        let fault = requirement_fault(text, &kind);
        let mut entry = Entry { kind, range: value.clone(), value, hashes: Vec::new(), fault };
        self.hashes(&mut entry);
        entry
    }

    /// Where a requirement ends: at a line's end that no backslash joins, before a comment, before an option.
    fn requirement_end(&self) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while at < bytes.len() {
            if bytes[at] == b'\n' || bytes[at] == b'\r' {
                return at;
            }
            let gap = self.gap(at);
            if gap > at {
                let rest = &self.text[gap..];
                if rest.starts_with('#') || rest.starts_with("--") {
                    return at;
                }
                at = gap;
            } else {
                at += self.text[at..].chars().next().map_or(1, char::len_utf8);
            }
        }
        at.min(bytes.len())
    }

    /// The byte behind white space that begins at one: also a line's end that a backslash joins.
    fn gap(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            let rest = &self.text[at..];
            let joined = ["\\\r\n", "\\\n", "\\\r"].into_iter().find(|j| rest.starts_with(j));
            if let Some(joined) = joined {
                at += joined.len();
            } else if let Some(c) =
                rest.chars().next().filter(|c| c.is_whitespace() && !matches!(c, '\n' | '\r'))
            {
                at += c.len_utf8();
            } else {
                return at;
            }
        }
    }

    fn hashes(&mut self, entry: &mut Entry) {
        loop {
            let at = self.gap(self.at);
            let rest = &self.text[at..];
            if !rest.starts_with("--") {
                if rest.starts_with('#') {
                    self.at = at;
                }
                return;
            }
            let word = &rest[..rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len())];
            if word != "--hash" {
                let end = self.line_end(at);
                let message =
                    format!("Expected `--hash`, found `{word}`: other options stand on lines of their own");
                let fault =
                    Fault { message, range: at - entry.range.start..at + word.len() - entry.range.start };
                entry.fault.get_or_insert(fault);
                entry.range.end = at + word.len();
                self.at = end;
                return;
            }
            let mut from = at + word.len();
            if self.text[from..].starts_with('=') {
                from += 1;
            } else {
                from = self.gap(from);
            }
            let value = &self.text[from..];
            let length = value.find(char::is_whitespace).unwrap_or(value.len());
            if let Some(message) = hash_fault(&value[..length]) {
                let range = from - entry.range.start..from + length - entry.range.start;
                entry.fault.get_or_insert(Fault { message, range });
            }
            entry.hashes.push(from..from + length);
            entry.range.end = from + length;
            self.at = from + length;
        }
    }
}

/// Where a comment begins in a line: a `#` behind white space.
fn comment_in(line: &str) -> Option<usize> {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return Some(at);
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let each = read(text).into_iter();
        each.map(|e| {
            let fault = e.fault.as_ref().map_or("", |_| " !");
            format!(
                "{:?} {}{}{fault}",
                e.kind,
                &text[e.value.clone()],
                ["", " #"][usize::from(!e.hashes.is_empty())]
            )
        })
        .collect()
    }

    #[test]
    fn entries_have_their_places() {
        let text = "# c \\\nidna>=3 # why\n\n-r base.txt # more\n--index-url=https://e.org/simple\nsix==1 \\\n    --hash=other:00 \\\n    --hash=other:11\r\nx @ https://e.org/x.whl\n./own[a] ; os_name == 'nt'\n--pre\n-e .\n";
        assert_eq!(
            shown(text),
            [
                "Named idna>=3",
                "Include base.txt",
                "Index https://e.org/simple",
                "Named six==1 #",
                "Named x @ https://e.org/x.whl",
                "Unnamed ./own[a] ; os_name == 'nt'",
                "Option(false) ",
                "Editable .",
            ]
        );
    }

    #[test]
    fn what_uv_refuses_is_a_fault() {
        for text in [
            "idna#x",
            "idna \\\n  ==3.6",
            "-rx.txt",
            "--foo",
            "-",
            "idna --pre",
            "idna==",
            "x y",
            "\"idna\"",
            "é",
            "--index-url",
            "hg+https://e.org/x",
            "https://e.org/x",
            "--only-binary=idna,six",
            "-e git+https://e.org/x",
            "~/x",
        ] {
            assert!(read(text).iter().any(|e| e.fault.is_some()), "{text}");
        }
        for text in [
            "idna",
            "${A}",
            "idna==${B}",
            "./x",
            "x-1.0-py3-none-any.whl",
            "git+https://e.org/x",
            "x @ ./y",
            "a\rb",
        ] {
            assert!(read(text).iter().all(|e| e.fault.is_none()), "{text}");
        }
    }

    /// Found by the fuzzer: the fault lay outside of its entry.
    #[test]
    fn a_fault_lies_in_its_entry() {
        let text = "idna==3.6 \\\n    --has\u{fffd}\u{10}";
        let entry = &read(text)[0];
        let fault = entry.fault.as_ref().expect("a fault");
        assert_eq!(&text[entry.range.clone()][fault.range.clone()], "--has\u{fffd}\u{10}");
    }

    #[test]
    fn what_is_local_is_known() {
        for (text, expected) in [
            ("-r a.txt", true),
            ("-r https://e.org/a.txt", false),
            ("./a", true),
            ("a @ file:///x", true),
            ("a @ https://e.org/a.whl", false),
            ("git+https://e.org/a", false),
            ("-f ./d", true),
            ("-i https://e.org", false),
            ("a", false),
            ("-e .", true),
        ] {
            assert_eq!(read(text)[0].is_local(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_place_is_one(text in "(\\PC|\n|\r|\\\\\n| #| --hash=|-r |-e|idna|==|@|https://|;|'){0,30}") {
            let mut end = 0;
            for entry in read(&text) {
                proptest::prop_assert!(entry.range.start >= end);
                end = entry.range.end;
                let part = text.get(entry.range.clone());
                proptest::prop_assert!(part.is_some() && text.get(entry.value.clone()).is_some());
                if let (Some(fault), Some(part)) = (&entry.fault, part) {
                    proptest::prop_assert!(part.get(fault.range.clone()).is_some(), "{:?}", entry);
                }
                for hash in &entry.hashes {
                    proptest::prop_assert!(text.get(hash.clone()).is_some());
                }
            }
        }
    }
}
