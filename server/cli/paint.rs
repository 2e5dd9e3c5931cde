//! Colours and alignment of the text for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::args::Color;

pub(crate) const TAG: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const NAME: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const UNSURE: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Sets whether colours are used: as asked, else as the terminal and NO_COLOR, FORCE_COLOR say.
pub(crate) fn choose(color: Color) {
    let choice = match color {
        Color::Auto => return,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Text in a style.
pub(crate) fn in_style(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Text for standard output, written in one go when it is complete; escapes are dropped where they are not wanted.
pub(crate) struct Output(anstream::AutoStream<Vec<u8>>);

impl Output {
    pub(crate) fn new() -> Self {
        let choice = anstream::AutoStream::choice(&io::stdout());
        Self(anstream::AutoStream::new(Vec::new(), choice))
    }

    /// The text itself.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }

    /// Writes it.
    pub(crate) fn finish(self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(&self.0.into_inner())?;
        out.flush()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
