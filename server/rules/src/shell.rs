//! Commands of a RUN line, taken apart as far as rules need it: simple commands and their words.
//!
//! Not a shell: quotes, operators and comments are seen, substitutions are left in their words.

use std::ops::Range;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without quotes.
    pub(crate) text: String,
    /// Where it stands in the command.
    pub(crate) range: Range<usize>,
    /// Some of it is quoted.
    pub(crate) quoted: bool,
}

/// A simple command: a program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Simple {
    pub(crate) words: Vec<Word>,
    /// A pipe feeds it.
    pub(crate) piped: bool,
}

impl Simple {
    /// The program, past assignments and words that run another one.
    pub(crate) fn program(&self) -> Option<(usize, &Word)> {
        const BEFORE: &[&str] = &[
            "env", "exec", "time", "nice", "nohup", "then", "do", "else", "if", "while", "until", "!", "{",
            "(", "command",
        ];
        let mut words = self.words.iter().enumerate();
        words.find(|(_, w)| {
            let assignment = w.text.split_once('=').is_some_and(|(name, _)| is_name(name));
            !(assignment || BEFORE.contains(&w.text.as_str()))
        })
    }

    /// The program's name without its folder.
    pub(crate) fn name(&self) -> Option<&str> {
        let (_, word) = self.program()?;
        Some(word.text.rsplit('/').next().unwrap_or(&word.text))
    }

    /// The words after the program.
    pub(crate) fn arguments(&self) -> &[Word] {
        self.program().and_then(|(i, _)| self.words.get(i + 1..)).unwrap_or_default()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// The simple commands of a line.
pub(crate) fn commands(text: &str) -> Vec<Simple> {
    let mut all = Vec::new();
    let mut current = Simple::default();
    let mut word: Option<Word> = None;
    let mut chars = text.char_indices().peekable();
    let mut quote: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        if let Some(open) = quote {
            if c == open {
                quote = None;
            } else if let Some(w) = &mut word {
                w.text.push(c);
            }
            if let Some(w) = &mut word {
                w.range.end = end;
            }
            continue;
        }
        match c {
            '\'' | '"' => {
                quote = Some(c);
                let w =
                    word.get_or_insert_with(|| Word { text: String::new(), range: at..end, quoted: true });
                w.quoted = true;
                w.range.end = end;
            }
            '\\' => {
                let next = chars.next();
                if let Some((_, escaped)) = next.filter(|(_, n)| *n != '\n') {
                    let w = word.get_or_insert_with(|| Word {
                        text: String::new(),
                        range: at..end,
                        quoted: false,
                    });
                    w.text.push(escaped);
                    w.range.end = end + escaped.len_utf8();
                }
            }
            '#' if word.is_none() => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            ' ' | '\t' => current.words.extend(word.take()),
            '\n' | ';' | '&' | '|' | '(' | ')' => {
                // `>&2` and `&>` are redirections, not separators.
                let redirect = c == '&' && (text[..at].ends_with('>') || text[end..].starts_with('>'));
                if redirect {
                    if let Some(w) = &mut word {
                        w.text.push(c);
                        w.range.end = end;
                    }
                    continue;
                }
                current.words.extend(word.take());
                let doubled = chars.next_if(|(_, n)| *n == c).is_some();
                if !current.words.is_empty() {
                    all.push(std::mem::take(&mut current));
                }
                current.piped = c == '|' && !doubled;
            }
            c => {
                let w =
                    word.get_or_insert_with(|| Word { text: String::new(), range: at..end, quoted: false });
                w.text.push(c);
                w.range.end = end;
            }
        }
    }
    current.words.extend(word);
    if !current.words.is_empty() {
        all.push(current);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let line = |c: &Simple| c.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join("·");
        commands(text).iter().map(line).collect()
    }

    #[test]
    fn commands_are_taken_apart() {
        assert_eq!(
            shown("apt-get update && apt-get install -y 'a b'; ls | wc -l"),
            ["apt-get·update", "apt-get·install·-y·a b", "ls", "wc·-l"]
        );
        assert_eq!(shown("A=1 pip install x 2>&1 # no"), ["A=1·pip·install·x·2>&1"]);
        assert_eq!(commands("A=1 /usr/bin/pip install")[0].name(), Some("pip"));
        assert_eq!(shown("a \\\n b"), ["a·b"]);
    }
}
