//! IMG502 invalid-script-header

use image_manifests::header::Trouble;
use image_model::error::Cause;
use image_python::inspect::Stage;

use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG502",
    name: "invalid-script-header",
    what: "Finds headers of scripts that are not as PEP 723 asks: nothing closes them, there are two, a line does not begin\n\
           with `# `, the TOML in them cannot be read, or a value has the wrong type. Looked at are the scripts of images, and\n\
           every header that names flyte.",
    why: "uv refuses to run such a script. flyte raises, or reads something else than is written.",
    proof: Proof::Flyte { stage: Stage::Hash, error: "ValueError: Invalid TOML in metadata block" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\")\n",
    files: &[
        ("train.py", "# /// script\n# dependencies = [flyte]\n# ///\nprint(\"training\")\n"),
        ("good.py", "# /// script\n# dependencies = [\"flyte\"]\n# ///\nprint(\"training\")\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"good.py\", name=\"train\")\n",
    covers: caused_by!(Cause::InvalidHeader),
    check: Check::Manifest(|checker, used| {
        let Some(manifest) = used.read.manifest.as_ref().filter(|_| used.role.is_script()) else { return };
        let Some(header) = &manifest.header else { return };
        let (range, message) = match &header.trouble {
            Some(Trouble::Unclosed(Some(line))) if header.contains(line.start) => (
                line.clone(),
                "every line of a script's header begins with a # and a space: uv takes the header for one that is not closed"
                    .to_owned(),
            ),
            Some(Trouble::Unclosed(_)) => (
                header.opener.clone(),
                "nothing closes this header: after its last line a line with # /// is missing, and every line of it, also an empty one, begins with #".to_owned(),
            ),
            Some(Trouble::TrailingCloser(rest)) => {
                (rest.clone(), "the line that closes a header is # /// and nothing else".to_owned())
            }
            Some(Trouble::Several(second)) => {
                (second.clone(), "a script has one header: uv refuses a second one, flyte reads the first alone".to_owned())
            }
            None => match manifest.faults.first() {
                Some(fault) => (fault.range.clone(), format!("the header cannot be read: {}", fault.message)),
                None => return,
            },
        };
        let found = used.finding(&RULE, range, message);
        checker.push(match header.trouble {
            Some(Trouble::Several(_)) => found.related(used.read.site(header.opener.clone()), "the first one"),
            _ => found,
        });
    }),
    ..Rule::BASE
};
