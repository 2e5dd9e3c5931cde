//! Conformance with flyte, from stored goldens: what the real flyte made of the hand-written cases, compared with what
//! the inspection makes of them. Needs no Python. `live.rs` does the same with flyte itself, and writes the goldens.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[allow(dead_code, reason = "the live tests use more of it")]
mod case;
mod compare;

use std::path::Path;

use compare::{Setting, Verdict, compare};

/// The release that the goldens are of.
const RELEASE: &str = "2.12.1";

#[test]
fn hand_written_cases_agree_with_the_goldens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let goldens: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("goldens.json")).expect("goldens"))
            .expect("JSON");
    let _lock = case::lock("cases");
    let cases = case::load(&folder.join("cases"));
    let mut images = 0;
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|c| !c.by_order) {
        case.lay_out();
        let golden = goldens
            .get(&case.name)
            .unwrap_or_else(|| panic!("no golden of {}: run the live test", case.name));
        let setting = Setting {
            dir: &case.dir(),
            file: "m.py",
            root: case.root_dir(),
            env: &case.env,
            python: None,
            release: Some(RELEASE),
        };
        for (name, verdict) in compare(golden, &setting) {
            images += 1;
            let must_be_unknown = case.unknown.contains(&name);
            match verdict {
                Verdict::Equal if !must_be_unknown => {}
                Verdict::Unknown(_) if must_be_unknown => {}
                other => wrong.push(format!("{} {name}: {other:?}", case.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {images} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(images > 150, "only {images} comparisons");
}
