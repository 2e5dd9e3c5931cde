//! Conformance with flyte, from stored goldens: what the real flyte made of the hand-written cases, compared with what
//! the inspection makes of them. Needs no Python. `live.rs` does the same with flyte itself, and writes the goldens.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[allow(dead_code, reason = "the live tests use more of it")]
mod case;
mod compare;
#[allow(dead_code, reason = "the live tests write them")]
mod goldens;

use std::path::Path;

use compare::{Setting, Verdict, compare};

use goldens::RELEASE;

#[test]
fn hand_written_cases_agree_with_the_goldens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let _lock = case::lock("cases");
    let cases = case::load(&folder.join("cases"));
    let mut images = 0;
    let mut wrong = Vec::new();
    for (release, answers) in goldens::read(&folder) {
        for case in cases.iter().filter(|c| !c.by_order) {
            case.lay_out();
            let golden = answers
                .get(&case.name)
                .unwrap_or_else(|| panic!("no golden of {}: run the live test", case.name));
            let dir = case.dir();
            let setting = Setting::of(case, &dir, None, Some(release));
            for (name, verdict) in compare(golden, &setting) {
                images += 1;
                // What must be unknown is said of the newest release; in others, more ends at an import error.
                let must_be_unknown = case.unknown.contains(&name);
                match verdict {
                    Verdict::Equal if !must_be_unknown || release != RELEASE => {}
                    Verdict::Unknown(_) if must_be_unknown || release != RELEASE => {}
                    other => wrong.push(format!("flyte {release}: {} {name}: {other:?}", case.name)),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {images} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(images > 1500, "only {images} comparisons");
}
