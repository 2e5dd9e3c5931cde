//! The syntax of a file as fixes need it: calls with their parentheses, literals with their quotes.

use std::ops::Range;
use std::sync::Arc;

use image_model::origin::{CallSite, Given, Site};
use image_python::syntax::ast::{Argument, Expression, Id, Module, Passing};

use crate::checker::contains;
use crate::finding::Edit;

/// A parsed file.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) module: Arc<Module>,
}

/// A call, found again in the text.
pub(crate) struct Call<'s> {
    source: &'s Source,
    /// What is called.
    pub(crate) function: Id,
    pub(crate) arguments: &'s [Argument],
    /// The byte after the opening parenthesis.
    pub(crate) inside: usize,
    /// The byte of the closing parenthesis.
    pub(crate) close: usize,
}

/// A string literal without escapes: what is between the quotes is its value.
pub(crate) struct Literal {
    site: Site,
    quote: &'static str,
    /// The first byte of the value.
    pub(crate) start: usize,
    value: String,
}

impl Source {
    pub(crate) fn new(module: Arc<Module>) -> Self {
        Self { module }
    }

    pub(crate) fn text(&self, range: Range<usize>) -> &str {
        self.module.text.get(range).unwrap_or_default()
    }

    pub(crate) fn expression(&self, id: Id) -> Option<&Expression> {
        self.module.expressions.get(id as usize)
    }

    pub(crate) fn range(&self, id: Id) -> Range<usize> {
        self.module.spans.get(id as usize).map_or(0..0, |s| s.range())
    }

    /// The expression of exactly this range.
    pub(crate) fn at(&self, range: Range<usize>) -> Option<(Id, &Expression)> {
        let place = self.module.spans.iter().position(|s| s.range() == range)?;
        Some((Id::try_from(place).ok()?, self.module.expressions.get(place)?))
    }

    /// The call of a method.
    pub(crate) fn call(&self, call: &CallSite) -> Option<Call<'_>> {
        self.call_at(&call.expression)
    }

    /// The call that is exactly this range.
    pub(crate) fn call_at(&self, site: &Site) -> Option<Call<'_>> {
        let spans = self.module.spans.iter().zip(&self.module.expressions);
        let found = spans.into_iter().find_map(|(span, expression)| match expression {
            Expression::Call { function, arguments } if span.range() == site.range() => {
                Some((*function, arguments.as_slice()))
            }
            _ => None,
        });
        let (function, arguments) = found?;
        let end = self.range(function).end;
        let inside = end + self.text(end..site.end).find('(')? + 1;
        let close = site.end.checked_sub(1).filter(|c| self.text(*c..site.end) == ")" && *c >= inside)?;
        Some(Call { source: self, function, arguments, inside, close })
    }

    /// The literal at a place, if it is one whose text is its value.
    pub(crate) fn literal(&self, site: &Site) -> Option<Literal> {
        if site.path != self.module.path {
            return None;
        }
        let text = self.text(site.range());
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| text.starts_with(q))?;
        let body = text.strip_prefix(quote)?.strip_suffix(quote)?;
        if body.contains(['\\', '\r']) || body.contains(quote) {
            return None;
        }
        let start = site.start + quote.len();
        Some(Literal { site: site.clone(), quote, start, value: body.to_owned() })
    }

    /// The quote that the file uses most.
    pub(crate) fn quote(&self) -> char {
        let (mut double, mut single) = (0_usize, 0_usize);
        for (span, expression) in self.module.spans.iter().zip(&self.module.expressions) {
            if matches!(expression, Expression::Str(_)) {
                match self.text(span.range()).bytes().next() {
                    Some(b'\'') => single += 1,
                    _ => double += 1,
                }
            }
        }
        if single > double { '\'' } else { '"' }
    }

    /// A string as the file would write it.
    pub(crate) fn string(&self, value: &str) -> String {
        let quote = self.quote();
        let other = if quote == '"' { '\'' } else { '"' };
        let quote = if value.contains(quote) && !value.contains(other) { other } else { quote };
        let mut out = String::from(quote);
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                c if c == quote => out.extend(['\\', c]),
                c => out.push(c),
            }
        }
        out.push(quote);
        out
    }

    /// The white space at the beginning of the line of a byte.
    pub(crate) fn indentation(&self, byte: usize) -> &str {
        let before = self.text(0..byte);
        let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let rest = self.text(line..self.module.text.len());
        &rest[..rest.len() - rest.trim_start_matches([' ', '\t', '\u{c}']).len()]
    }
}

impl Call<'_> {
    /// The edit that gives the call one more argument by name.
    pub(crate) fn add_keyword(&self, name: &str, value: &str) -> Edit {
        let text = format!("{name}={value}");
        let path = &self.source.module.path;
        match self.arguments.last() {
            None => Edit::insert(path, self.inside, text),
            Some(last) => {
                let end = last.span.range().end;
                // Arguments of their own lines get a line of their own.
                let start = last.span.range().start;
                let line = self.source.text(0..start).rfind('\n').map_or(0, |at| at + 1);
                let alone = self.source.text(line..start).trim().is_empty();
                let separator = if alone && line > 0 {
                    format!(",{}{}", self.line_end(), self.source.indentation(start))
                } else {
                    ", ".to_owned()
                };
                Edit::insert(path, end, format!("{separator}{text}"))
            }
        }
    }

    fn line_end(&self) -> &'static str {
        if self.source.module.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The argument passed by a name.
    pub(crate) fn keyword(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|a| matches!(&a.passing, Passing::Keyword(n) if &**n == name))
    }

    /// The argument that a place lies in.
    pub(crate) fn argument_at(&self, site: &Site) -> Option<(usize, &Argument)> {
        let inside = |a: &Argument| {
            let range = a.span.range();
            range.start <= site.start && site.end <= range.end
        };
        self.arguments.iter().enumerate().find(|(_, a)| inside(a))
    }

    /// The edit that takes an argument out, with its comma.
    pub(crate) fn remove(&self, index: usize) -> Option<Edit> {
        let own = self.arguments.get(index)?.span.range();
        let range =
            match (index.checked_sub(1).and_then(|i| self.arguments.get(i)), self.arguments.get(index + 1)) {
                (_, Some(next)) => own.start..next.span.range().start,
                (Some(previous), None) => previous.span.range().end..own.end,
                (None, None) => {
                    // The last argument goes with its trailing comma.
                    let after = self.source.text(own.end..self.close);
                    let comma = after.find(',').filter(|at| after[..*at].trim().is_empty());
                    own.start..comma.map_or(own.end, |at| own.end + at + 1)
                }
            };
        if self.source.text(range.clone()).contains('#') {
            return None;
        }
        let site = Site { path: Arc::clone(&self.source.module.path), start: range.start, end: range.end };
        Some(Edit::replace(&site, ""))
    }
}

impl Literal {
    /// The value, which is the text.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// The edit that puts another value between the same quotes.
    pub(crate) fn with(&self, value: &str) -> Option<Edit> {
        let plain = |c: char| c == '\\' || c == '\n' || c == '\r' || self.quote.starts_with(c);
        if value.contains(plain) {
            return None;
        }
        let width = self.quote.len();
        let site = Site {
            path: Arc::clone(&self.site.path),
            start: self.site.start + width,
            end: self.site.end - width,
        };
        Some(Edit::replace(&site, value))
    }

    /// The place of a part of the value.
    pub(crate) fn part(&self, range: Range<usize>) -> Site {
        Site {
            path: Arc::clone(&self.site.path),
            start: self.start + range.start,
            end: self.start + range.end,
        }
    }
}

/// Where an item of an argument was written: in the call, or elsewhere.
pub(crate) fn written<'g>(given: &'g Given, items: &[usize]) -> Option<&'g Site> {
    let mut origin = &given.origin;
    for item in items {
        origin = origin.items.get(*item)?;
    }
    origin.site.as_ref()
}

/// The same, if it is in the call itself: what stands elsewhere may be used elsewhere, too, and no fix changes it.
pub(crate) fn written_here<'g>(given: &'g Given, items: &[usize]) -> Option<&'g Site> {
    written(given, items).filter(|site| contains(&given.site, site))
}

/// The edit that gives a call one more argument by name; `None` where the call cannot be found in the text.
#[must_use]
pub fn add_argument(module: Arc<Module>, call: &CallSite, name: &str, value: &str) -> Option<Edit> {
    Some(Source::new(module).call(call)?.add_keyword(name, value))
}
