//! Where the text inside of comment signs stands in its file.

use std::ops::Range;

/// A text that was put together from pieces of another one, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// The text, its lines ended by `\n`.
    pub text: String,
    /// The first byte of each line here, and in the file.
    lines: Vec<(usize, usize)>,
}

impl Mapped {
    /// Adds a line that begins at a byte of the file.
    pub(crate) fn push(&mut self, line: &str, at: usize) {
        if !self.lines.is_empty() {
            self.text.push('\n');
        }
        self.lines.push((self.text.len(), at));
        self.text.push_str(line);
    }

    /// The byte of the file for a byte of the text; a line's break is where the line ends.
    #[must_use]
    pub fn to_file(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        let line = self.lines.partition_point(|(own, _)| *own <= byte).saturating_sub(1);
        self.lines.get(line).map_or(0, |(own, file)| file + (byte - own))
    }

    /// The range of the file for a range of the text.
    #[must_use]
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.to_file(range.start);
        start..self.to_file(range.end).max(start)
    }

    /// The byte of the text for a byte of the file; `None` for comment signs and what is not of the text.
    #[must_use]
    pub fn from_file(&self, byte: usize) -> Option<usize> {
        let line = self.lines.partition_point(|(_, file)| *file <= byte).checked_sub(1)?;
        let (own, file) = *self.lines.get(line)?;
        let end = self.lines.get(line + 1).map_or(self.text.len(), |(next, _)| next - 1);
        (byte - file <= end - own).then(|| own + (byte - file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_map_both_ways() {
        let file = "# a = 1\r\n# b = [\r\n#\r\n# ]\r\n";
        let mut mapped = Mapped::default();
        for (line, at) in [("a = 1", 2), ("b = [", 11), ("", 19), ("]", 23)] {
            mapped.push(line, at);
        }
        assert_eq!(mapped.text, "a = 1\nb = [\n\n]");
        for (byte, c) in mapped.text.char_indices().filter(|(_, c)| *c != '\n') {
            assert!(file[mapped.to_file(byte)..].starts_with(c));
            assert_eq!(mapped.from_file(mapped.to_file(byte)), Some(byte));
        }
        assert_eq!(mapped.from_file(0), None);
        assert_eq!(mapped.from_file(9), None);
        assert_eq!(mapped.from_file(8), None);
        assert_eq!(mapped.from_file(7), Some(5));
        assert_eq!(mapped.range(4..6), 6..11);
    }
}
