//! IMG501 no-script-header

use image_manifests::header;
use image_manifests::script::{pixi_block, uv_block};
use image_model::error::Cause;
use image_model::value::Value;

use crate::finding::{Edit, Finding, Fix};
use crate::manifest::{By, Read, Role, Used};
use crate::rule::{Check, FixSafety, Proof, Rule, caused_by};
use image_python::inspect::Stage;

pub(super) static RULE: Rule = Rule {
    code: "IMG501",
    name: "no-script-header",
    what: "Finds `from_uv_script` and `from_pixi_script` on a script without a header: a comment that begins with\n\
           `# /// script` and ends with `# ///`.",
    why: "What the image is made of stands in that header. Without it there is neither a tag nor a build.",
    proof: Proof::Flyte { stage: Stage::Hash, error: "ValueError: No uv metadata block found" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\")\n",
    files: &[
        ("train.py", "print(\"training\")\n"),
        ("good.py", "# /// script\n# dependencies = [\"flyte\"]\n# ///\nprint(\"training\")\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"good.py\", name=\"train\")\n",
    safety: FixSafety::Unsafe,
    fix: "It puts a header with flyte at the beginning of the script.",
    covers: caused_by!(Cause::NoHeader),
    check: Check::Manifest(|checker, used| {
        let Some(by) = &used.by else { return };
        let block = match used.role {
            Role::UvScript => uv_block(&used.read.text),
            Role::PixiScript => pixi_block(&used.read.text),
            _ => return,
        };
        if block.is_some() || header::find(&used.read.text).is_some() {
            return;
        }
        let message = format!(
            "{} has no header: flyte looks for a comment from {} to {} that names its dependencies",
            used.shown,
            header::OPENER,
            header::CLOSER
        );
        let found = Finding::new(&RULE, by.site(), message).related(used.read.site(0..0), "the header belongs here");
        checker.push(found.fix(fix(used, by)));
    }),
    ..Rule::BASE
};

fn fix(used: &Used<'_>, by: &By<'_>) -> Option<Fix> {
    // Pixi's headers need tables of their own.
    if used.role == Role::PixiScript {
        return None;
    }
    let read: &Read = &used.read;
    let python = match &by.variant.image.python_version {
        Value::Tuple(items) => match &**items {
            [Value::Int(major), Value::Int(minor), ..] => format!("requires-python = \">={major}.{minor}\"\n"),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let line_end = if read.text.contains("\r\n") { "\r\n" } else { "\n" };
    let content = format!("{python}dependencies = [\n    \"flyte\",\n]\n");
    // A line for the system and one for the encoding stay where they are.
    let special = |line: &str| line.starts_with("#!") || (line.starts_with('#') && line.contains("coding"));
    let at: usize = read.text.split_inclusive('\n').take_while(|l| special(l)).map(str::len).sum();
    let text = format!("{}{line_end}", header::written(&content, line_end));
    Fix::unsafe_("put a header with flyte into the script", vec![Edit::insert(&read.path, at, text)])
}
