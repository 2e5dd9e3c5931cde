//! Where in a TOML text a position is, however little of the text is typed.

/// A place in a TOML text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In a string: the keys that lead to its value, the first byte behind the quote, and the quote.
    String { path: Vec<String>, start: usize, quote: char },
    /// Where a value can stand that is not typed yet, or is no string: the keys, and whether an array is open.
    Value { path: Vec<String>, start: usize, in_array: bool },
    /// In a key: the table that it is in, and where it begins.
    Key { table: Vec<String>, start: usize },
    /// In the name of a table: where it begins, and whether it is one of an array of tables.
    Table { start: usize, is_array: bool },
    /// In a comment.
    Comment,
}

/// The place of a byte.
pub(super) fn place(text: &str, byte: usize) -> Place {
    let mut lexer = Lexer { text, end: byte.min(text.len()), at: 0, table: Vec::new() };
    loop {
        if let Some(place) = lexer.statement() {
            return place;
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    /// Nothing is read from here on.
    end: usize,
    at: usize,
    table: Vec<String>,
}

fn keys(text: &str) -> Vec<String> {
    let parts = text.split('.').map(|k| k.trim().trim_matches(['"', '\'']).to_owned());
    parts.filter(|k| !k.is_empty()).collect()
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    fn pass_over(&mut self, is: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !is(c)).unwrap_or(rest.len());
    }

    /// Goes on to the next sign of some; false at the end.
    fn find(&mut self, signs: &[char]) -> bool {
        let rest = self.rest();
        let found = rest.find(signs);
        self.at += found.unwrap_or(rest.len());
        found.is_some()
    }

    fn statement(&mut self) -> Option<Place> {
        self.pass_over(char::is_whitespace);
        let start = self.at;
        match self.rest().chars().next() {
            None => return Some(Place::Key { table: self.table.clone(), start }),
            Some('#') => return (!self.find(&['\n'])).then_some(Place::Comment),
            Some('[') => return self.header(start),
            Some(_) => {}
        }
        let ended = self.find(&['=', '\n']);
        let key = self.text.get(start..self.at).unwrap_or_default();
        if !ended {
            return Some(Place::Key { table: self.table.clone(), start });
        }
        if self.rest().starts_with('\n') {
            self.at += 1;
            return None;
        }
        let mut path = self.table.clone();
        path.extend(keys(key));
        self.at += 1;
        self.value(path)
    }

    fn header(&mut self, start: usize) -> Option<Place> {
        let is_array = self.rest().starts_with("[[");
        let inside = start + if is_array { 2 } else { 1 };
        self.at = inside.min(self.end);
        if !self.find(&[']', '\n']) {
            return Some(Place::Table { start: self.text.len().min(inside), is_array });
        }
        self.table = keys(self.text.get(inside..self.at).unwrap_or_default());
        self.find(&['\n']);
        None
    }

    fn value(&mut self, path: Vec<String>) -> Option<Place> {
        let mut open: Vec<char> = Vec::new();
        loop {
            self.pass_over(|c| c.is_whitespace() && c != '\n');
            let start = self.at;
            let Some(c) = self.rest().chars().next() else {
                return Some(Place::Value { path, start, in_array: open.last() == Some(&'[') });
            };
            match c {
                '\n' if open.is_empty() => return None,
                '#' => {
                    if !self.find(&['\n']) {
                        return Some(Place::Comment);
                    }
                }
                '"' | '\'' => {
                    if let Some(place) = self.string(c, &path) {
                        return Some(place);
                    }
                }
                '[' | '{' => {
                    open.push(c);
                    self.at += 1;
                }
                ']' | '}' => {
                    open.pop();
                    self.at += 1;
                }
                // A list that nothing closes ends where a table begins.
                _ if c.is_alphanumeric() => {
                    self.pass_over(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+'));
                    if self.at == self.end {
                        return Some(Place::Value { path, start, in_array: open.last() == Some(&'[') });
                    }
                }
                c => self.at += c.len_utf8(),
            }
        }
    }

    fn string(&mut self, quote: char, path: &[String]) -> Option<Place> {
        let triple: String = [quote; 3].iter().collect();
        let is_triple = self.rest().starts_with(&triple);
        self.at += if is_triple { 3 } else { 1 };
        let start = self.at;
        let inside = Place::String { path: path.to_vec(), start, quote };
        loop {
            let Some(c) = self.rest().chars().next() else { return Some(inside) };
            if is_triple && self.rest().starts_with(&triple) {
                self.at += 3;
                return None;
            }
            match c {
                '\\' if quote == '"' => self.at = (self.at + 2).min(self.end),
                c if c == quote && !is_triple => {
                    self.at += 1;
                    return None;
                }
                // A string that nothing closes ends with its line.
                '\n' if !is_triple => return None,
                c => self.at += c.len_utf8(),
            }
            while !self.text.is_char_boundary(self.at) {
                self.at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        let byte = text.find('|').expect("a cursor");
        match place(&text.replacen('|', "", 1), byte) {
            Place::String { path, start, .. } => {
                format!("string {} {:?}", path.join("."), &text[start..byte])
            }
            Place::Value { path, in_array, .. } => format!("value {} {in_array}", path.join(".")),
            Place::Key { table, start } => format!("key {} {:?}", table.join("."), &text[start..byte]),
            Place::Table { start, is_array } => format!("table {:?} {is_array}", &text[start..byte]),
            Place::Comment => "comment".to_owned(),
        }
    }

    #[test]
    fn places_are_known_in_half_typed_text() {
        for (text, expected) in [
            ("|", "key  \"\""),
            ("dep|", "key  \"dep\""),
            ("dependencies = |", "value dependencies false"),
            ("dependencies = [|", "value dependencies true"),
            ("dependencies = [\"fly|", "string dependencies \"fly\""),
            ("dependencies = [\n  \"a\",\n  |\n]", "value dependencies true"),
            ("dependencies = [\n  \"a\",\n  \"b|\n]\n", "string dependencies \"b\""),
            ("dependencies = [\n  \"a\n  \"b|\"", "string dependencies \"b\""),
            ("a = 1\n[tool.u|", "table \"tool.u\" false"),
            ("[[tool.uv.i|", "table \"tool.uv.i\" true"),
            ("[tool.uv]\nex|", "key tool.uv \"ex\""),
            (
                "[project]\n[project.optional-dependencies]\ngpu = ['|'",
                "string project.optional-dependencies.gpu \"\"",
            ),
            ("a = 1 # |", "comment"),
            ("# |", "comment"),
            ("x = { a = \"|\" }", "string x \"\""),
            ("x = \"\"\"a\n|", "string x \"a\\n\""),
        ] {
            assert_eq!(at(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|\n|\\[|\\]|=|\"|'|a|\\{|\\}|,|#|\\\\){0,30}", byte in 0_usize..60) {
            let mut byte = byte.min(text.len());
            while !text.is_char_boundary(byte) { byte -= 1; }
            let _ = place(&text, byte);
        }
    }
}
