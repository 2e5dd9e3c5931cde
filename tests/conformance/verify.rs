//! What `verify` says of the hand-written cases: the program that asks flyte by its public names alone, against the oracle,
//! which looks inside.

use std::path::Path;
use std::time::Duration;

use image_build::Surroundings;
use image_build::flyte::{AskError, Asker, Target, Verdict, Verified};
use image_manifests::fs::OsFileSystem;

use crate::case::{self, Case};
use crate::compare::Setting;
use crate::oracle;

/// The environment of the child for a case.
pub fn surroundings(case: &Case, environment: &Path) -> Surroundings {
    let mut variables = case.env.clone();
    variables.insert("HOME".to_owned(), "/nonexistent".to_owned());
    let folders = [environment.join("bin"), oracle::tools().join("bin")].map(|f| f.display().to_string());
    let path = format!("{}:{}", folders.join(":"), std::env::var("PATH").unwrap_or_default());
    variables.insert("PATH".to_owned(), path);
    variables.insert("UV_OFFLINE".to_owned(), "1".to_owned());
    let now = std::time::SystemTime::UNIX_EPOCH;
    Surroundings { variables, current_directory: case.dir(), umask: 0o022, now }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Verifies all cases with a release.
pub fn cases_are_equal(release: &str, every: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let _lock = case::lock("cases");
    let environment = oracle::environment(release);
    let cases = case::load(&folder.join("cases"));
    let plain = Case { base: case::BASE.into(), ..Case::default() };
    let around = surroundings(&plain, &environment);
    let runtime = runtime();
    // One child serves all cases that set no variables.
    let mut kept = Asker::new(&around, true);
    let mut tally = Tally::default();
    for case in cases.iter().step_by(every) {
        case.lay_out();
        let dir = case.dir();
        let setting = Setting::of(case, &dir, Some(&environment), None);
        let (report, _) = setting.inspect();
        let target = Target { report: &report, name: None, fs: &OsFileSystem };
        let never = std::future::pending();
        let result = if case.env.is_empty() {
            runtime.block_on(kept.verify(&target, never))
        } else {
            let around = surroundings(case, &environment);
            runtime.block_on(Asker::new(&around, false).verify(&target, never))
        };
        tally.add(case, result);
    }
    runtime.block_on(kept.close());
    runtime.shutdown_timeout(Duration::from_secs(10));
    tally.print(release);
    assert!(tally.wrong.is_empty(), "flyte {release}:\n{}", tally.wrong.join("\n"));
    assert!(tally.equal > 4 * (tally.unasked.len() + tally.not_comparable.len()), "most are compared");
}

#[derive(Default)]
struct Tally {
    equal: usize,
    wrong: Vec<String>,
    not_comparable: Vec<String>,
    unasked: Vec<String>,
}

impl Tally {
    fn add(&mut self, case: &Case, result: Result<Verified, AskError>) {
        let verified = match result {
            Ok(verified) => verified,
            Err(error @ AskError::Raised(_)) => {
                self.unasked.push(format!("{}: {error}", case.name));
                return;
            }
            Err(error) => {
                self.wrong.push(format!("{}: {error}", case.name));
                return;
            }
        };
        self.equal += usize::from(verified.raises.is_some());
        for image in &verified.images {
            match &image.verdict {
                Verdict::Equal => self.equal += 1,
                Verdict::Different(found) => {
                    self.wrong.push(format!("{} {:?}: {found:?}", case.name, image.names));
                }
                Verdict::NotComparable(reason) => {
                    self.not_comparable.push(format!("{} {:?}: {reason}", case.name, image.names));
                }
            }
        }
    }

    fn print(&self, release: &str) {
        println!(
            "verify with flyte {release}: {} equal, {} different, {} not comparable, {} files that raise",
            self.equal,
            self.wrong.len(),
            self.not_comparable.len(),
            self.unasked.len()
        );
        for line in self.not_comparable.iter().chain(&self.unasked) {
            println!("  {line}");
        }
    }
}
