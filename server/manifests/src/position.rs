//! Bytes, characters, UTF-16 units: the one place that converts between them.
//!
//! Inside the program a place in a text is an offset in bytes. People and JSON get one-based lines and columns in
//! characters; editors get zero-based lines and columns in the unit they negotiated.

/// The unit in which a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// UTF-8: bytes.
    Bytes,
    /// UTF-16 code units.
    Utf16,
    /// Unicode scalar values.
    Characters,
}

/// Where the lines of a text begin.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Indexes a text. Lines end with `\n`, `\r\n` or `\r`, as in the language server protocol.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (i, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' => starts.push(i + 1),
                b'\r' if bytes.get(i + 1) != Some(&b'\n') => starts.push(i + 1),
                _ => {}
            }
        }
        Self { starts }
    }

    /// Zero-based line and column of a byte; a byte inside a character counts for the character's start.
    #[must_use]
    pub fn position(&self, text: &str, byte: usize, unit: Unit) -> (usize, usize) {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.starts.partition_point(|s| *s <= byte).saturating_sub(1);
        let before = &text[self.starts.get(line).copied().unwrap_or(0)..byte];
        let column = match unit {
            Unit::Bytes => before.len(),
            Unit::Utf16 => before.encode_utf16().count(),
            Unit::Characters => before.chars().count(),
        };
        (line, column)
    }

    /// The byte at a zero-based line and column; past the end of a line it is the line's end.
    #[must_use]
    pub fn byte(&self, text: &str, line: usize, column: usize, unit: Unit) -> usize {
        let Some(start) = self.starts.get(line).copied() else { return text.len() };
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        let content = text[start..end].trim_end_matches(['\n', '\r']);
        let mut counted = 0;
        for (offset, c) in content.char_indices() {
            if counted >= column {
                return start + offset;
            }
            counted += match unit {
                Unit::Bytes => c.len_utf8(),
                Unit::Utf16 => c.len_utf16(),
                Unit::Characters => 1,
            };
        }
        start + content.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_count_in_their_unit() {
        let text = "a\r\né😀x\rz";
        let index = LineIndex::new(text);
        let x = text.find('x').expect("there");
        assert_eq!(index.position(text, x, Unit::Bytes), (1, 6));
        assert_eq!(index.position(text, x, Unit::Utf16), (1, 3));
        assert_eq!(index.position(text, x, Unit::Characters), (1, 2));
        assert_eq!(index.byte(text, 1, 3, Unit::Utf16), x);
        assert_eq!(index.byte(text, 1, 99, Unit::Utf16), x + 1);
        assert_eq!(index.position(text, text.len(), Unit::Bytes), (2, 1));
    }

    proptest! {
        #[test]
        fn there_and_back(text in any::<String>(), byte in 0_usize..60) {
            let index = LineIndex::new(&text);
            let mut at = byte.min(text.len());
            while !text.is_char_boundary(at) { at -= 1; }
            for unit in [Unit::Bytes, Unit::Utf16, Unit::Characters] {
                let (line, column) = index.position(&text, at, unit);
                let back = index.byte(&text, line, column, unit);
                // Between \r and \n there is no place of its own.
                let in_break = at > 0 && text[..at].ends_with('\r') && text[at..].starts_with('\n');
                prop_assert!(back == at || in_break);
            }
        }
    }
}
