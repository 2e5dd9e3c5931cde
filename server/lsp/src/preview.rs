//! The Dockerfile of an image as a document of its own: `image-lsp-dockerfile:/folder/file.py/NAME/Dockerfile`.
//!
//! It is served by `workspace/textDocumentContent` (LSP 3.18) and by the command `imageLsp.showDockerfile`; for clients
//! that know no virtual documents it is written to a file for temporary use. Lines lead back into Python, and calls
//! into lines.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use image_model::origin::Site;
use image_python::inspect::{FileReport, ImageReport, Variant};
use tower_lsp::ls_types::{Position, Range, Uri};

use crate::analysis::Analysis;
use crate::cursor;
use crate::state::lock;

/// The scheme of the addresses.
pub(crate) const SCHEME: &str = "image-lsp-dockerfile";

/// The documents that somebody looks at.
#[derive(Default)]
pub(crate) struct Previews {
    /// Their texts as they were given last.
    shown: Mutex<HashMap<String, String>>,
    /// Addresses of files that stand for previews.
    files: Mutex<HashMap<PathBuf, String>>,
    /// Where those files are: a folder that nobody else can write to.
    folder: OnceLock<Option<tempfile::TempDir>>,
}

impl Previews {
    /// Notes the text that a client was given.
    pub(crate) fn note(&self, address: &str, text: &str) {
        lock(&self.shown).insert(address.to_owned(), text.to_owned());
    }

    /// Documents of a file whose text is another one now.
    pub(crate) fn changed(&self, analysis: &Analysis) -> Vec<(String, String)> {
        let mut shown = lock(&self.shown);
        let mut changed = Vec::new();
        for (address, text) in shown.iter_mut() {
            let Some((path, name)) = parse(address) else { continue };
            if path != *analysis.report.path {
                continue;
            }
            let now = document(analysis, &name).0;
            if now != *text {
                text.clone_from(&now);
                changed.push((address.clone(), now));
            }
        }
        changed
    }

    /// Writes a document to a file of its own, for clients that know no virtual ones.
    pub(crate) fn write(&self, address: &str, text: &str) -> Option<PathBuf> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        address.hash(&mut hasher);
        let own = self.folder.get_or_init(|| tempfile::Builder::new().prefix("image-lsp-").tempdir().ok());
        let folder = own.as_ref()?.path().join(format!("{:016x}", hasher.finish()));
        std::fs::create_dir_all(&folder).ok()?;
        let path = folder.join("Dockerfile");
        std::fs::write(&path, text).ok()?;
        lock(&self.files).insert(path.clone(), address.to_owned());
        Some(path)
    }

    /// The file that stands for a document, if there is one.
    pub(crate) fn file_of(&self, address: &str) -> Option<PathBuf> {
        lock(&self.files).iter().find(|(_, a)| *a == address).map(|(path, _)| path.clone())
    }

    /// The document behind an address: a virtual one, or a file that stands for one.
    pub(crate) fn address_of(&self, uri: &Uri) -> Option<String> {
        if uri.scheme().as_str() == SCHEME {
            return Some(uri.as_str().to_owned());
        }
        let path = crate::documents::path_of(uri)?;
        lock(&self.files).get(&path).cloned()
    }
}

/// The name of an image in addresses: a name that means it, or `@` with its number in the file.
pub(crate) fn name_of(image: &ImageReport, report: &FileReport) -> Option<String> {
    let number = report.images.iter().position(|i| std::ptr::eq(i, image))?;
    let own = image.names.iter().find(|name| report.named(name) == Some(number));
    Some(own.cloned().unwrap_or_else(|| format!("@{number}")))
}

/// The image of such a name.
pub(crate) fn image_of<'r>(report: &'r FileReport, name: &str) -> Option<&'r ImageReport> {
    match name.strip_prefix('@') {
        Some(number) => report.images.get(number.parse::<usize>().ok()?),
        None => report.images.get(report.named(name)?),
    }
}

/// The address of an image's Dockerfile.
pub(crate) fn address(path: &Path, image: &ImageReport, report: &FileReport) -> Option<String> {
    let file = Uri::from_file_path(path)?;
    let name = name_of(image, report)?;
    Some(format!("{SCHEME}:{}/{}/Dockerfile", file.path().as_str(), escaped(&name)))
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The file and the name of the image in an address.
pub(crate) fn parse(address: &str) -> Option<(PathBuf, String)> {
    let rest = address.strip_prefix(SCHEME)?.strip_prefix(':')?;
    let (rest, last) = rest.rsplit_once('/')?;
    let (path, name) = rest.rsplit_once('/').filter(|_| last == "Dockerfile")?;
    let path = format!("file://{}", path.trim_start_matches("//")).parse::<Uri>().ok()?;
    Some((crate::documents::path_of(&path)?, unescaped(name)?))
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// A layer's lines in a document, and the call that added it.
pub(crate) struct Lines {
    /// Zero-based.
    pub(crate) lines: RangeInclusive<usize>,
    pub(crate) method: Option<&'static str>,
    pub(crate) site: Option<Site>,
}

/// The text of an image's document, and what its lines come from. Where there is no Dockerfile the text says why.
pub(crate) fn document(analysis: &Analysis, name: &str) -> (String, Vec<Lines>) {
    let Some(image) = image_of(&analysis.report, name) else {
        return (
            format!("# There is no image {name} in {} any more.\n", analysis.report.path.display()),
            Vec::new(),
        );
    };
    let Some(variant) = image.variants.first() else { return (String::new(), Vec::new()) };
    match &variant.dockerfile {
        Some(dockerfile) => (dockerfile.text.clone(), lines_of(variant)),
        None => (why_not(variant), Vec::new()),
    }
}

fn lines_of(variant: &Variant) -> Vec<Lines> {
    let with_lines = variant.layers.iter().filter_map(|layer| {
        let (first, last) = layer.dockerfile_lines?;
        let lines = first.saturating_sub(1)..=last.saturating_sub(1);
        Some(Lines { lines, method: layer.method, site: layer.site.clone() })
    });
    with_lines.collect()
}

fn why_not(variant: &Variant) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for error in &variant.errors {
        let stage = crate::hover::stage(error.stage);
        reasons.push(format!("{} when it is {stage}: {}", error.raised.exception, error.raised.message));
    }
    reasons.extend(variant.unknowns.iter().map(|u| format!("it is not known because {}", u.reason)));
    if reasons.is_empty() {
        let base = variant.uri.as_deref().unwrap_or("its base");
        return format!("# Nothing is built: the image is {base} as it is.\n");
    }
    let reasons = reasons.join("\n").replace('\n', "\n# ");
    format!("# There is no Dockerfile:\n# {reasons}\n")
}

/// The lines of the layer that a call around a byte added, as a range of the document.
pub(crate) fn selection(analysis: &Analysis, image: &ImageReport, byte: usize) -> Option<Range> {
    let link = cursor::link_at(analysis, byte)?;
    let variant = image.variants.first()?;
    let layer = variant.layers.iter().rev().find(|l| l.site.as_ref() == Some(&link.call.site))?;
    let (first, last) = layer.dockerfile_lines?;
    let line = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Range {
        start: Position { line: line(first.saturating_sub(1)), character: 0 },
        end: Position { line: line(last), character: 0 },
    })
}

/// Where a line of a document comes from: the call of its layer, or what made the image.
pub(crate) fn source(analysis: &Analysis, name: &str, line: usize) -> Option<Site> {
    let own = document(analysis, name).1.into_iter().find(|l| l.lines.contains(&line)).and_then(|l| l.site);
    let image = image_of(&analysis.report, name)?;
    let origin = || image.variants.first()?.image.origin.as_ref().map(|c| c.site.clone());
    own.or_else(origin).or_else(|| Some(image.site.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back() {
        for (path, name) in [("/w/a b/ä.py", "image"), ("/m.py", "images[\"gpu\"]"), ("/m.py", "@3")] {
            let file = Uri::from_file_path(path).expect("an address");
            let address = format!("{SCHEME}:{}/{}/Dockerfile", file.path().as_str(), escaped(name));
            assert!(address.parse::<Uri>().is_ok(), "{address}");
            assert_eq!(parse(&address), Some((PathBuf::from(path), name.to_owned())));
            assert_eq!(
                parse(&address.replacen(":/", ":///", 1)),
                Some((PathBuf::from(path), name.to_owned()))
            );
        }
        assert_eq!(parse("image-lsp-dockerfile:x"), None);
        assert_eq!(parse("image-lsp-dockerfile:/a/%zz/Dockerfile"), None);
    }
}
