//! The headers of scripts as PEP 723 has them, with places, also of half-typed ones.
//!
//! What is sound, and what is wrong otherwise, follows uv 0.13.8: the first `# /// script` of a line of its own opens
//! the header, every line of it begins with `#` alone or `# `, the last `# ///` of those lines closes it. flyte has
//! another reading, which is in [`crate::script`].

use std::ops::Range;

use memchr::memmem;

use crate::source_map::Mapped;

/// The line that opens a header.
pub const OPENER: &str = "# /// script";
/// The line that closes it.
pub const CLOSER: &str = "# ///";

/// What is wrong with a header's lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing closes it. The range is that of the line that ends the search, if it was meant to belong to it.
    Unclosed(Option<Range<usize>>),
    /// The line that closes it goes on: what is too much.
    TrailingCloser(Range<usize>),
    /// There is a second one: its first line.
    Several(Range<usize>),
}

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its first line.
    pub opener: Range<usize>,
    /// Its last line, if it has one.
    pub closer: Option<Range<usize>>,
    /// The TOML inside of it; of a header that is not closed, what would be inside.
    pub content: Mapped,
    /// What is wrong with its lines.
    pub trouble: Option<Trouble>,
}

impl Header {
    /// All of it.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        let end = self.closer.as_ref().map_or(self.content.to_file(usize::MAX), |c| c.end);
        self.opener.start..end.max(self.opener.end)
    }

    /// Whether a byte lies in its lines.
    #[must_use]
    pub fn contains(&self, byte: usize) -> bool {
        let range = self.range();
        range.start <= byte && byte <= range.end
    }
}

/// A line without its break, and where it begins.
fn lines(text: &str, from: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = from;
    text.get(from..).unwrap_or_default().split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        (start, line.strip_suffix('\r').unwrap_or(line))
    })
}

/// The content of a line of a header, and how many bytes stand before it; `None` for a line that is none.
fn content(line: &str) -> Option<(&str, usize)> {
    let rest = line.strip_prefix('#')?;
    if rest.is_empty() {
        return Some((rest, 1));
    }
    rest.strip_prefix(' ').map(|content| (content, 2))
}

/// The header of a script; `None` where no line opens one. The text must not begin with a byte order mark.
#[must_use]
pub fn find(text: &str) -> Option<Header> {
    let (opener, inside) = opened(text, 0)?;
    let mut header = Header { opener, closer: None, content: Mapped::default(), trouble: None };
    // As PEP 723 says: to the last closing line of the comment.
    let comment: Vec<(usize, &str, usize)> = lines(text, inside)
        .map_while(|(at, line)| content(line).map(|(content, skipped)| (at + skipped, content, skipped)))
        .collect();
    if let Some(last) = comment.iter().rposition(|(_, content, _)| *content == "///") {
        for (at, content, _) in &comment[..last] {
            header.content.push(content, *at);
        }
        let (at, _, skipped) = comment[last];
        let start = at - skipped;
        header.closer = Some(start..start + CLOSER.len());
        let end = start + CLOSER.len();
        header.trouble = second(text, end).map(Trouble::Several);
        return Some(header);
    }
    tolerant(text, inside, &mut header);
    Some(header)
}

/// The lines that were meant to be a header, though nothing closes it as it must.
fn tolerant(text: &str, inside: usize, header: &mut Header) {
    // The first line that does not begin as it must, and the one that ends the comment.
    let (mut faulty, mut next) = (None, None);
    for (at, line) in lines(text, inside) {
        let range = at..at + line.len();
        let Some(rest) = line.strip_prefix('#') else {
            next = Some(range).filter(|r| !r.is_empty());
            break;
        };
        let body = rest.strip_prefix(' ').unwrap_or(rest);
        match body.trim_end() {
            "///" => {
                let good = at + line.trim_end().len();
                header.closer = Some(range.clone());
                if faulty.is_none() && rest.starts_with(' ') {
                    header.trouble = Some(Trouble::TrailingCloser(good..range.end));
                }
                faulty = faulty.or(Some(range).filter(|_| !rest.starts_with(' ')));
                break;
            }
            "/// script" => break,
            _ => {
                faulty = faulty.or_else(|| content(line).is_none().then_some(range));
                header.content.push(body, at + (line.len() - body.len()));
            }
        }
    }
    if header.trouble.is_none() {
        header.trouble = Some(Trouble::Unclosed(faulty.or(next)));
    }
}

/// The first line that opens a header, and where the next one begins.
fn opened(text: &str, from: usize) -> Option<(Range<usize>, usize)> {
    let mut search = from;
    loop {
        let at = search + memmem::find(text.as_bytes().get(search..)?, OPENER.as_bytes())?;
        search = at + OPENER.len();
        let begins = at == 0 || text[..at].ends_with(['\n', '\r']);
        let rest = &text[search..];
        let ends = rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n");
        if begins && ends {
            let next = search + rest.find('\n').map_or(rest.len(), |n| n + 1);
            return Some((at..search, next));
        }
    }
}

/// The first line of another closed header behind a place.
fn second(text: &str, from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let (opener, inside) = opened(text, from)?;
        let mut comment = lines(text, inside).map_while(|(_, line)| content(line));
        if comment.any(|(content, _)| content == "///") {
            return Some(opener);
        }
        from = inside;
    }
}

/// The text of a header for a TOML text.
#[must_use]
pub fn written(content: &str, line_end: &str) -> String {
    let mut out = String::from(OPENER);
    for line in content.lines() {
        out.push_str(line_end);
        out.push_str(if line.is_empty() { "#" } else { "# " });
        out.push_str(line);
    }
    out.push_str(line_end);
    out.push_str(CLOSER);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trouble(text: &str) -> String {
        match find(text) {
            None => "none".to_owned(),
            Some(header) => match header.trouble {
                None => "sound".to_owned(),
                Some(Trouble::Unclosed(Some(at))) => format!("unclosed at {:?}", &text[at]),
                Some(Trouble::Unclosed(None)) => "unclosed".to_owned(),
                Some(Trouble::TrailingCloser(at)) => format!("trailing {:?}", &text[at]),
                Some(Trouble::Several(at)) => format!("several at {}", at.start),
            },
        }
    }

    #[test]
    fn headers_are_found_as_uv_finds_them() {
        let good = "# /// script\n# dependencies = []\n# ///\n";
        for (text, expected) in [
            (good.to_owned(), "sound"),
            (format!("#!/x\n{good}"), "sound"),
            (format!("x = 1\n{good}"), "sound"),
            (good.replace('\n', "\r\n"), "sound"),
            (good.trim_end().to_owned(), "sound"),
            (good.replace("script", "script "), "none"),
            (good.replace("script", "scriptx"), "none"),
            (format!("  {good}"), "none"),
            (good.replace('\n', "\r"), "none"),
            ("# /// script\n# ///\n".to_owned(), "sound"),
            (good.replace("# ///\n", "# /// \n").replace("# /// \n# dep", "# ///\n# dep"), "trailing \" \""),
            ("# /// script\n# a = 1\nx = 1\n".to_owned(), "unclosed at \"x = 1\""),
            ("# /// script\n# a = 1\n\n# b = 1\n# ///\n".to_owned(), "unclosed"),
            (good.replace("# dep", "#dep"), "unclosed at \"#dependencies = []\""),
            (good.replace("# dep", "#\tdep"), "unclosed at \"#\\tdependencies = []\""),
            (format!("{good}x = 1\n{good}"), "several at 45"),
            (format!("{good}x = 1\n# /// script\n# dep\n"), "sound"),
            (format!("# /// script\nx = 1\n{good}"), "unclosed at \"x = 1\""),
        ] {
            assert_eq!(trouble(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_last_closing_line_closes() {
        let text = "# /// script\n# a = '''\n# ///\n# '''\n# ///\n# more\n";
        assert_eq!(find(text).expect("a header").content.text, "a = '''\n///\n'''");
        let open = "# /// script\n#a = 1\n#  b = 2\nx = 1\n";
        assert_eq!(find(open).expect("a header").content.text, "a = 1\n b = 2");
    }

    proptest! {
        #[test]
        fn every_place_maps_back(
            content in "([a-z =\\[\\]\"',#é😀]|///|\n){0,60}",
            before in "(x = 1\n|#!/bin/x\n|é\n){0,2}",
            windows in any::<bool>(),
        ) {
            let line_end = if windows { "\r\n" } else { "\n" };
            let before = before.replace('\n', line_end);
            let text = format!("{before}{}{line_end}x = 1{line_end}", written(&content, line_end));
            let header = find(&text).expect("a header");
            prop_assert_eq!(&header.content.text, &content.lines().collect::<Vec<_>>().join("\n"));
            for (byte, c) in header.content.text.char_indices() {
                let at = header.content.to_file(byte);
                prop_assert_eq!(header.content.from_file(at), Some(byte));
                let there = text[at..].chars().next();
                prop_assert!(there == Some(c) || c == '\n' && matches!(there, Some('\n' | '\r')));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "(# /// script|# ///|\n|\r\n|#| |[a-z]|é|=|\"|\\[){0,30}") {
            if let Some(header) = find(&text) {
                prop_assert!(text.get(header.range()).is_some());
            }
        }
    }
}
