//! Why uv refuses an entry of a requirements file.

use super::{Entry, Kind, is_local};
use crate::requirement::{self, Fault};

/// Endings of archives.
const ARCHIVES: &[&str] = &[
    ".whl",
    ".tar.gz",
    ".zip",
    ".tar.bz2",
    ".tar.lz",
    ".tar.lzma",
    ".tar.xz",
    ".tar.zst",
    ".tar",
    ".tbz",
    ".tgz",
    ".tlz",
    ".txz",
];

/// Why uv refuses a hash.
pub(super) fn hash_fault(hash: &str) -> Option<String> {
    let (algorithm, digest) = hash.split_once(':')?;
    let length = match algorithm {
        "md5" => 32,
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return None,
    };
    let found = digest.len();
    (found != length).then(|| format!("a {algorithm} hash has {length} digits, not {found}"))
}

/// Whether a requirement is an address or a path without a name.
pub(super) fn is_unnamed(text: &str) -> bool {
    let word = text.split([' ', '\t', ';']).next().unwrap_or_default();
    if text[word.len()..].trim_start().starts_with('@') || word.contains('@') && !word.contains("://") {
        return false;
    }
    let plain = word.split('[').next().unwrap_or_default();
    word.contains("://")
        || word.starts_with("file:")
        || word.starts_with(['.', '/'])
        || plain.contains(['/', '\\'])
        || ARCHIVES.iter().any(|end| plain.ends_with(end))
}

pub(super) fn requirement_fault(text: &str, kind: &Kind) -> Option<Fault> {
    // A variable may be set where the file is read.
    if text.contains("${") {
        return None;
    }
    if *kind == Kind::Unnamed {
        return address_fault(text).map(|message| Fault { message, range: 0..text.len() });
    }
    let parts = requirement::parts(text);
    if let Some(address) = parts.and_then(|p| p.address).filter(|a| !a.is_empty()) {
        if let Some(message) = address_fault(&text[address.clone()]) {
            return Some(Fault { message, range: address });
        }
        // A path that is not absolute is one beside the file, which PEP 508 does not know.
        if is_local(&text[address]) {
            return None;
        }
    }
    requirement::fault(text)
}

/// Why uv refuses an address, whatever is behind it.
fn address_fault(address: &str) -> Option<String> {
    let word = address.split_whitespace().next()?;
    for (scheme, system) in [("hg", "Mercurial"), ("svn", "Subversion"), ("bzr", "Bazaar")] {
        if word.starts_with(&format!("{scheme}+")) {
            return Some(format!("{system} is not supported: `{word}`"));
        }
    }
    let rest = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"))?;
    let path = rest.split(['#', '?']).next().unwrap_or(rest);
    let is_archive = ARCHIVES.iter().any(|end| path.to_ascii_lowercase().ends_with(end));
    (!is_archive)
        .then(|| format!("Expected the address `{word}` to end like an archive: `.whl`, `.tar.gz`, `.zip`"))
}

pub(super) fn option_fault(name: &str, text: &str, entry: &Entry) -> Option<Fault> {
    let value = text.get(entry.value.clone())?;
    let message = match name {
        "--no-binary" | "--only-binary" if !matches!(value, ":all:" | ":none:") => {
            let is_name = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            (!is_name).then(|| format!("uv takes one package, :all: or :none: after {name}"))?
        }
        "-e" | "--editable" if value.contains("://") && !value.starts_with("file:") => {
            "an editable requirement has to be a local folder".to_owned()
        }
        _ => return None,
    };
    let offset = entry.value.start - entry.range.start;
    Some(Fault { message, range: offset..offset + value.len() })
}
