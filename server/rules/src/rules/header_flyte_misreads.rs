//! IMG503 header-flyte-misreads

use std::ops::Range;

use image_manifests::header::Header;
use image_manifests::legacy_toml::{self, DecodeError, Toml};
use image_manifests::manifest::Manifest;
use image_manifests::pytext::universal_newlines;
use image_manifests::script::uv_block;
use image_python::inspect::Stage;

use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::manifest::{Read, Role, Used};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG503",
    name: "header-flyte-misreads",
    what: "Finds headers of scripts that are sound by PEP 723, but that flyte's own reader refuses or reads otherwise, and those\n\
           that only flyte sees. Where flyte refuses the header of an image it is an error, else a warning.",
    why: "flyte does not follow PEP 723: it takes all `#` and spaces from the beginning of each line, so that a comment inside of\n\
          the TOML becomes bare text, ends at the first `# ///`, and reads the rest with an old TOML package. The image then has\n\
          other dependencies than `uv run` installs, or none is made.",
    proof: Proof::Flyte { stage: Stage::Hash, error: "ValueError: Invalid TOML in metadata block" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\")\n",
    files: &[
        ("train.py", "# /// script\n# # what training needs\n# dependencies = [\"flyte\"]\n# ///\nprint(\"training\")\n"),
        ("good.py", "# /// script\n# dependencies = [\"flyte\"]  # what training needs\n# ///\nprint(\"training\")\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"good.py\", name=\"train\")\n",
    safety: FixSafety::Unsafe,
    fix: "It takes comments of their own lines away; one behind a value may stay.",
    check: Check::Manifest(check),
    ..Rule::BASE
};

fn check(checker: &Checker<'_>, used: &Used<'_>) {
    if !matches!(used.role, Role::UvScript | Role::OwnScript) {
        return;
    }
    let read = &used.read;
    let text = universal_newlines(&read.text);
    let Some(block) = uv_block(&text) else { return };
    let sound = read.manifest.as_ref().filter(|m| {
        m.faults.is_empty() && m.header.as_ref().is_some_and(|h| h.trouble.is_none()) && !read.has_mark
    });
    let Some((manifest, header)) = sound.and_then(|m| Some((m, m.header.as_ref()?))) else {
        return only_flyte(checker, used, &block);
    };
    let own = written(manifest);
    let (range, message, is_error) = match reading(&block) {
        Err(what) => {
            let comment = comments(header).first().cloned();
            let why = match &comment {
                Some(_) => "flyte takes the sign of this comment away and then cannot read the header",
                None => "flyte cannot read this header, though it is sound",
            };
            let range = comment.unwrap_or_else(|| header.opener.clone());
            let when = match used.role {
                Role::UvScript => "",
                _ => "where an image is made from this script, ",
            };
            (range, format!("{when}{why}: {what}"), used.role == Role::UvScript)
        }
        Ok(theirs) if theirs == own => return,
        Ok(theirs) => {
            let message = format!("flyte reads this header as {theirs}, uv as {own}");
            (header.opener.clone(), message, false)
        }
    };
    let mut found = used.finding(&RULE, range, message);
    if !is_error {
        found.severity = Severity::Warning;
    }
    checker.push(found.fix(fix(read, header)));
}

/// A header that uv does not see, and flyte reads.
fn only_flyte(checker: &Checker<'_>, used: &Used<'_>, block: &str) {
    let read = &used.read;
    let is_seen = read.manifest.as_ref().is_some_and(|m| m.header.is_some()) && !read.has_mark;
    let Some(at) = read.text.find("# /// script").filter(|_| !is_seen && used.role == Role::UvScript) else { return };
    let end = at + read.text[at..].find(['\n', '\r']).unwrap_or(read.text.len() - at);
    let why = if read.has_mark {
        "a byte order mark stands before it"
    } else {
        "its first line has to be # /// script alone, at the beginning of the line"
    };
    let reading = reading(block);
    let flyte = match &reading {
        Ok(_) => "which flyte reads".to_owned(),
        Err(what) => format!("and flyte cannot read it ({what})"),
    };
    let mut found = used.finding(&RULE, at..end, format!("uv does not see this header, {flyte}: {why}"));
    if reading.is_ok() {
        found.severity = Severity::Warning;
    }
    let line = read.text[..at].rfind(['\n', '\r']).map_or(0, |n| n + 1);
    let trailing = &read.text[at + "# /// script".len()..end];
    let fix = (line == at && !trailing.is_empty() && trailing.trim().is_empty()).then(|| {
        let site = read.site(end - trailing.len()..end);
        Fix::unsafe_("take the white space behind it away", vec![Edit::replace(&site, "")])
    });
    checker.push(found.fix(fix.flatten()));
}

/// What a reader takes from a header.
#[derive(PartialEq, Eq)]
struct Reading {
    dependencies: Vec<String>,
    requires_python: Option<String>,
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let python = self.requires_python.as_deref().unwrap_or("any");
        // Behind a semicolon messages say what to do.
        let dependencies = format!("{:?}", self.dependencies).replace("; ", ";");
        write!(f, "dependencies {dependencies} for Python {python}")
    }
}

fn written(manifest: &Manifest) -> Reading {
    Reading {
        dependencies: manifest.dependencies.iter().map(|d| d.text.clone()).collect(),
        requires_python: manifest.requires_python.as_ref().map(|t| t.value.clone()),
    }
}

/// What flyte takes. Source: flyte 2.12.1, `parse_uv_script_file`.
fn reading(block: &str) -> Result<Reading, String> {
    let data = legacy_toml::loads(block).map_err(|error| match error {
        DecodeError::Toml(message) => message,
        DecodeError::Raised { exception, message } => format!("{exception}: {message}"),
        DecodeError::Unmodelled => "its reading hangs on an accident".to_owned(),
    })?;
    let dependencies = match data.get("dependencies") {
        None => Vec::new(),
        Some(Toml::Array(items)) => items
            .iter()
            .map(|item| match item {
                Toml::Str(text) => Ok(text.clone()),
                other => Err(format!("a dependency is of Python's type {}", other.python_type())),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(format!("the dependencies are of Python's type {}", other.python_type())),
    };
    let requires_python = match data.get("requires-python") {
        Some(Toml::Str(text)) => Some(text.clone()),
        _ => None,
    };
    Ok(Reading { dependencies, requires_python })
}

/// The lines of a header that hold nothing but a comment.
fn comments(header: &Header) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in header.content.text.split_inclusive('\n') {
        let content = line.trim();
        if content.starts_with('#') {
            let start = at + line.find('#').unwrap_or(0);
            found.push(header.content.range(start..start + content.len()));
        }
        at += line.len();
    }
    found
}

fn fix(read: &Read, header: &Header) -> Option<Fix> {
    let edits: Vec<Edit> = comments(header).iter().map(|c| read.remove_line(c.start)).collect();
    let message = if edits.len() == 1 { "take the comment away" } else { "take the comments away" };
    Fix::unsafe_(message, edits)
}
