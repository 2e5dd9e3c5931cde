//! What stands under the cursor: an image, a method of its chain, an argument, the code of a rule in a suppression.

use std::ops::Range;

use image_model::origin::{CallSite, Given, Origin};
use image_model::value::Value;
use image_python::inspect::{ImageReport, Variant};
use image_rules::{Rule, rules};

use crate::analysis::Analysis;

/// Something under the cursor.
pub(crate) enum Target<'a> {
    /// A rule's code in a suppression comment.
    Rule(&'static Rule, Range<usize>),
    /// A method's name in a chain.
    Method(Link<'a>, Range<usize>),
    /// An argument of a method, or one item of it.
    Argument(Link<'a>, &'a Given, &'a Value, Range<usize>),
    /// An image: its expression, a name that holds it, an `image=` argument.
    Image(&'a ImageReport, Range<usize>),
}

/// A call in the making of an image.
#[derive(Clone, Copy)]
pub(crate) struct Link<'a> {
    pub(crate) image: &'a ImageReport,
    pub(crate) variant: &'a Variant,
    pub(crate) call: &'a CallSite,
}

impl Link<'_> {
    /// The numbers of the layers that the call added; a constructor's are those that flyte adds itself.
    pub(crate) fn layers(&self) -> impl Iterator<Item = usize> {
        let layers = self.variant.layers.iter().enumerate();
        layers.filter(|(_, l)| l.site.as_ref() == Some(&self.call.site)).map(|(n, _)| n)
    }
}

/// What is under a byte.
pub(crate) fn at(analysis: &Analysis, byte: usize) -> Option<Target<'_>> {
    if let Some((rule, range)) = suppressed_rule(&analysis.text, byte) {
        return Some(Target::Rule(rule, range));
    }
    if let Some(link) = link_at(analysis, byte) {
        let call = link.call;
        let name = call.site.start..call.site.start + call.method.len();
        if name.contains(&byte) || byte == name.end {
            return Some(Target::Method(link, name));
        }
        let given = call.arguments.iter().find(|g| g.site.start <= byte && byte <= g.site.end);
        if let Some(given) = given {
            let (value, range) = item_at(given, byte).unwrap_or((&given.value, given.site.range()));
            return Some(Target::Argument(link, given, value, range));
        }
    }
    image_at(analysis, byte).map(|(image, range)| Target::Image(image, range))
}

/// The smallest call of an image's making around a byte.
pub(crate) fn link_at(analysis: &Analysis, byte: usize) -> Option<Link<'_>> {
    let links = analysis.report.images.iter().flat_map(|image| {
        image.variants.iter().flat_map(move |variant| {
            let calls = variant.image.calls.iter().map(|c| &**c);
            calls.map(move |call| Link { image, variant, call })
        })
    });
    links
        .filter(|l| analysis.is_here(&l.call.site) && l.call.site.start <= byte && byte <= l.call.site.end)
        .min_by_key(|l| (l.call.site.end - l.call.site.start, l.image.intermediate))
}

/// The item of an argument's value around a byte.
fn item_at(given: &Given, byte: usize) -> Option<(&Value, Range<usize>)> {
    fn inner<'v>(value: &'v Value, origin: &Origin, byte: usize) -> Option<(&'v Value, Range<usize>)> {
        let items: Vec<&Value> = match value {
            Value::List(items) | Value::Tuple(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        for (item, origin) in items.into_iter().zip(&origin.items) {
            if let Some(found) = inner(item, origin, byte) {
                return Some(found);
            }
        }
        let site = origin.site.as_ref()?;
        (site.start <= byte && byte <= site.end).then(|| (value, site.range()))
    }
    let found = inner(&given.value, &given.origin, byte)?;
    // A value that was written elsewhere may have any place; it has to be in the argument.
    (given.site.start <= found.1.start && found.1.end <= given.site.end).then_some(found)
}

/// The image under a byte: one that the name there holds, or whose expression or use is the smallest around it.
pub(crate) fn image_at(analysis: &Analysis, byte: usize) -> Option<(&ImageReport, Range<usize>)> {
    let images = &analysis.report.images;
    if let Some((name, start)) = word_at(&analysis.text, byte)
        && let Some(image) = images.iter().rev().find(|i| i.names.iter().any(|n| n == name))
    {
        return Some((image, start..start + name.len()));
    }
    let places = images.iter().flat_map(|image| {
        let uses = image.uses.iter();
        uses.chain([&image.site]).map(move |site| (image, site))
    });
    places
        .filter(|(_, site)| analysis.is_here(site) && site.start <= byte && byte <= site.end)
        .min_by_key(|(image, site)| (image.intermediate, site.end - site.start))
        .map(|(image, site)| (image, site.range()))
}

/// The dotted name around a byte up to the end of the word there, and where it begins.
pub(crate) fn word_at(text: &str, byte: usize) -> Option<(&str, usize)> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let before = text.get(..byte)?;
    let after = text.get(byte..)?;
    let start =
        before.rfind(|c| !part(c)).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let end = byte + after.find(|c: char| !part(c) || c == '.').unwrap_or(after.len());
    text.get(start..end).filter(|w| !w.is_empty() && !w.ends_with('.')).map(|w| (w, start))
}

/// The rule whose code or name stands at a byte in a suppression comment.
fn suppressed_rule(text: &str, byte: usize) -> Option<(&'static Rule, Range<usize>)> {
    let line = text[..byte].rfind('\n').map_or(0, |at| at + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |at| byte + at);
    let comment = line + text[line..end].find("image-lsp:")?;
    text[line..comment].find('#')?;
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let start = text[comment..byte.max(comment)].rfind(|c| !part(c)).map_or(comment, |at| comment + at + 1);
    let stop = text[byte..end].find(|c| !part(c)).map_or(end, |at| byte + at);
    let rule = rules::find(text.get(start..stop)?)?;
    Some((rule, start..stop))
}
