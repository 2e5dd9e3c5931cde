//! Conformance with the installed flyte, asked while the tests run. Installs flyte from PyPI into a cache folder.
//!
//! `cargo test --features live --test live`; `drift.rs` does the same for other releases. IMAGE_LSP_SEED and IMAGE_LSP_PROGRAMS choose the generated programs,
//! IMAGE_LSP_WRITE_GOLDENS=1 stores what flyte says of the hand-written cases.

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod alarms;
mod arguments;
mod case;
mod compare;
mod generate;
#[allow(dead_code, reason = "the tests without Python read them")]
mod goldens;
mod layouts;
mod legacy_toml;
#[allow(dead_code, reason = "the drift watch uses more of it")]
mod oracle;
mod proofs;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use compare::{Setting, Verdict, compare};
use image_model::release::Release;
use oracle::Oracle;

use goldens::RELEASE;

#[test]
fn hand_written_cases_agree_with_flyte() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let _lock = case::lock("cases");
    let cases = case::load(&folder.join("cases"));
    hand_written(&cases, RELEASE);
    if std::env::var_os("IMAGE_LSP_WRITE_GOLDENS").is_some() {
        goldens::write(&folder, |release| answers(&cases, release));
    }
}

/// What a release says of the cases that are the same on every machine.
fn answers(cases: &[case::Case], release: &str) -> goldens::Answers {
    let mut oracle = Oracle::start(&oracle::environment(release));
    let same = cases.iter().filter(|c| !c.by_order);
    same.map(|case| {
        case.lay_out();
        (case.name.clone(), oracle.ask(&case.request()))
    })
    .collect()
}

/// Compares all cases with a release.
fn hand_written(cases: &[case::Case], release: &str) {
    let environment = oracle::environment(release);
    let mut oracle = Oracle::start(&environment);
    assert_eq!(oracle.greeting["flyte"], release);
    let (mut images, mut unknown) = (0, 0);
    let mut wrong = Vec::new();
    for case in cases {
        case.lay_out();
        let answer = oracle.ask(&case.request());
        // flyte's uv export writes a lock into the project: the inspection sees it as the user left it.
        case.lay_out();
        let dir = case.dir();
        let setting = Setting::of(case, &dir, Some(&environment), None);
        for (name, verdict) in compare(&answer, &setting) {
            images += 1;
            match (&verdict, case.unknown.contains(&name)) {
                (Verdict::Equal, false) => {}
                (Verdict::Unknown(_), true) => unknown += 1,
                _ => wrong.push(format!("{} {name}: {verdict:?}", case.name)),
            }
        }
    }
    println!(
        "flyte {release}: {} cases, {images} comparisons, {} wrong, {unknown} unknown as they must be",
        cases.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "flyte {release}: {} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn verify_says_that_cases_are_equal() {
    verify::cases_are_equal(RELEASE, 1);
    // The same program speaks to every release: the oldest, and some between.
    for release in ["2.0.0b54", "2.1.6", "2.6.13"] {
        verify::cases_are_equal(release, 9);
    }
}

#[test]
fn examples_agree_with_flyte() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let environment = oracle::environment(RELEASE);
    let mut oracle = Oracle::start(&environment);
    let mut images = 0;
    for file in
        ["shared/images.py", "training/train.py", "serving/app.py", "report.py", "project/workflow.py"]
    {
        let answer = oracle.ask(&serde_json::json!({ "dir": examples, "file": file, "root": examples }));
        let root = Some(examples.display().to_string());
        let setting = Setting {
            dir: &examples,
            file,
            root,
            env: &BTreeMap::new(),
            python: Some(&environment),
            release: None,
        };
        for (name, verdict) in compare(&answer, &setting) {
            images += 1;
            assert_eq!(verdict, Verdict::Equal, "{file} {name}");
        }
    }
    println!("{images} comparisons of the examples");
    assert!(images > 10);
}

#[test]
fn generated_programs_agree_with_flyte() {
    let _lock = case::lock("generated");
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seed = number("IMAGE_LSP_SEED").unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs()
    });
    let programs = number("IMAGE_LSP_PROGRAMS").unwrap_or(3000);
    println!("IMAGE_LSP_SEED={seed}");
    let environment = oracle::environment(RELEASE);
    let halves: Vec<generate::Tally> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let environment = &environment;
                scope.spawn(move || {
                    let release = Release::of(RELEASE);
                    let subject = generate::Subject { environment, release, acts_as: None };
                    let mut oracle = Oracle::start(environment);
                    generate::run(&subject, seed, (worker..programs).step_by(2), worker, &mut oracle)
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().expect("a worker")).collect()
    });
    let mut total = generate::Tally::default();
    for half in halves {
        total.add(half);
    }
    println!(
        "{} programs, {} images, {} equal, {} unknown, {} wrong",
        total.programs,
        total.images,
        total.equal,
        total.unknown,
        total.wrong.len()
    );
    for (reason, count) in &total.reasons {
        println!("  unknown {count}: {reason}");
    }
    assert!(total.wrong.is_empty(), "seed {seed}:\n{}", total.wrong.join("\n\n"));
    // An inspection that knew nothing would not be wrong either.
    assert!(
        total.equal * 100 >= total.images * 95,
        "only {} of {} images are known",
        total.equal,
        total.images
    );
    assert_eq!(total.guessed, 0, "programs that nobody can know came out with a tag");
}

#[test]
fn rules_speak_of_what_really_fails() {
    proofs::every_error_is_the_real_one();
}

#[test]
fn what_flyte_raises_is_covered_or_explained() {
    proofs::every_raise_is_accounted_for();
}

#[test]
fn definitions_that_flyte_refuses_are_found() {
    proofs::the_table_of_errors_holds();
}

#[test]
fn arguments_of_any_kind_agree() {
    arguments::arguments_of_any_kind_agree();
}

#[test]
fn cases_and_rules_agree() {
    // What a release accepts is no finding: the oldest and one between are asked, too.
    for release in ["2.0.0b54", "2.1.6", RELEASE] {
        proofs::cases_agree_with_rules(release);
    }
}

#[test]
fn requirements_are_read_as_uv_reads_them() {
    proofs::requirements_agree_with_uv();
}

#[test]
fn environments_are_seen_as_python_sees_them() {
    layouts::agree_with_python();
}

#[test]
fn development_installs_agree_with_flyte() {
    layouts::development_images_agree_with_flyte();
}

#[test]
fn script_headers_are_read_as_the_toml_package_reads_them() {
    legacy_toml::compare(&oracle::environment(RELEASE));
}
