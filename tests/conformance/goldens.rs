//! What flyte said of the hand-written cases, stored: for the oldest release every answer, for each later one the
//! answers that are other than those of the one before. One line for each case. Of all releases but the newest only the
//! SHA-256 of a Dockerfile is kept.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The releases of every test run: those around which most changed.
pub const RELEASES: [&str; 9] =
    ["2.0.0", "2.1.6", "2.2.3", "2.5.2", "2.5.13", "2.6.13", "2.9.0", "2.12.0", RELEASE];

/// The newest one.
pub const RELEASE: &str = "2.12.1";

/// The releases of which answers are stored.
const STORED: [&str; 6] = ["2.0.0", "2.1.6", "2.2.3", "2.5.2", "2.5.13", RELEASE];

/// The answer to each case, by its name.
pub type Answers = BTreeMap<String, Value>;

fn file(folder: &Path, release: &str) -> std::path::PathBuf {
    folder.join("goldens").join(format!("{release}.json"))
}

/// Asks each release, and stores what it says.
pub fn write(folder: &Path, ask: impl Fn(&str) -> Answers) {
    std::fs::create_dir_all(folder.join("goldens")).expect("a folder");
    let mut before = Answers::new();
    for release in STORED {
        let mut answers = ask(release);
        if release != RELEASE {
            answers.values_mut().for_each(shorten);
        }
        let changed = answers.iter().filter(|(case, answer)| before.get(*case) != Some(*answer));
        let lines: Vec<String> =
            changed.map(|(case, answer)| format!("{}: {answer}", Value::from(case.as_str()))).collect();
        std::fs::write(file(folder, release), format!("{{\n{}\n}}\n", lines.join(",\n"))).expect("written");
        before = answers;
    }
}

/// Puts the digest of each Dockerfile in its place.
fn shorten(answer: &mut Value) {
    let Some(images) = answer["images"].as_object_mut() else { return };
    for image in images.values_mut() {
        if let Some(text) = image.pointer_mut("/dockerfile/ok/text")
            && let Some(dockerfile) = text.as_str()
        {
            *text = digest(dockerfile).into();
        }
    }
}

/// What stands for a Dockerfile of which only the digest is kept.
pub fn digest(dockerfile: &str) -> String {
    let hex: String = Sha256::digest(dockerfile).iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

/// The answers of each release, in order.
pub fn read(folder: &Path) -> Vec<(&'static str, Answers)> {
    let mut answers = Answers::new();
    STORED
        .iter()
        .map(|release| {
            let text = std::fs::read_to_string(file(folder, release)).expect("goldens");
            let changed: Answers = serde_json::from_str(&text).expect("JSON");
            answers.extend(changed);
            (*release, answers.clone())
        })
        .collect()
}
