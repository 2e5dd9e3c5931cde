//! `build --builder remote`, with the real flyte and a stand-in for the backend.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::control_plane::{BUILT, ControlPlane, RUN, Scenario};
use crate::project::{Project, events, interrupt, last};

const FILE: &str = "import flyte\n\nprint('from the file')\nimage = (\n    flyte.Image.from_debian_base(name='train', python_version=(3, 12))\n    .with_apt_packages('git')\n    .with_pip_packages('six', 'torch==99')\n    .with_source_file('data.txt')\n)\nenv = flyte.TaskEnvironment(name='e', image=image)\n";
const BUNDLE: &str = "import flyte\n\nimage = flyte.Image.from_debian_base(name='b', python_version=(3, 12)).with_code_bundle()\n";

fn project(plane: &ControlPlane) -> Project {
    Project::on(plane, &[("m.py", FILE), ("data.txt", "x"), ("bundle.py", BUNDLE)])
}

fn events_of<'a>(all: &'a [Value], kind: &str) -> Vec<&'a Value> {
    all.iter().filter(|e| e["event"] == kind).collect()
}

#[test]
fn the_backend_builds_and_its_address_is_the_result() {
    let plane = ControlPlane::start(Scenario::Works);
    let project = project(&plane);
    let output = project.run(&["build", "m.py", "--progress", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let all = events(&output);
    let (first, end) = (&all[0], last(&output));
    assert_eq!(first["event"], "started");
    let place = format!("flyte's remote builder at localhost:{}", plane.port);
    assert_eq!(first["engine"], place);
    assert_eq!(
        (&end["event"], &end["uri"], &end["status"]),
        (&"finished".into(), &BUILT.into(), &"built".into())
    );
    let run = events_of(&all, "run")[0];
    assert_eq!(run["name"], RUN);
    assert!(run["url"].as_str().is_some_and(|url| url.ends_with(&format!("/runs/{RUN}"))), "{run}");
    // flyte's own steps, and the file's own words, which are no answers.
    let steps: Vec<&str> = events_of(&all, "step").iter().filter_map(|e| e["name"].as_str()).collect();
    assert!(steps.iter().any(|s| s.starts_with("Submitting a new build")), "{steps:?}");
    assert!(events_of(&all, "log").iter().any(|e| e["line"] == "from the file"), "{all:?}");
    // The backend got the address that was predicted, and asked nobody whether it is there but once.
    let tag = first["uri"].as_str().expect("an address");
    let inputs = plane.bodies("UploadInputs").concat();
    assert!(String::from_utf8_lossy(&inputs).contains(tag), "{tag}");
    assert_eq!((plane.count("GetImage"), plane.count("CreateRun")), (1, 1));
    assert!(!all.iter().any(|e| e["event"] == "warning" && e["rule"] == "IMG903"), "{all:?}");
}

#[test]
fn people_get_the_address_on_standard_output_alone() {
    let plane = ControlPlane::start(Scenario::Works);
    let output = project(&plane).run(&["build", "m.py::env.image"]);
    assert_eq!(
        (output.status.code(), &*output.stdout),
        (Some(0), format!("{BUILT}\n").as_bytes()),
        "{output:?}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("the build runs at http://localhost"));
}

#[test]
fn what_is_there_is_not_built_unless_it_is_forced() {
    let plane = ControlPlane::start(Scenario::Exists);
    let project = project(&plane);
    let end = last(&project.run(&["build", "m.py", "--progress", "json"]));
    assert_eq!((&end["status"], plane.count("CreateRun")), (&"exists".into(), 0));
    assert!(
        end["uri"].as_str().is_some_and(|uri| uri.starts_with("cr.example.com/orgs/acme/train:")),
        "{end}"
    );
    let end = last(&project.run(&["build", "m.py", "--progress", "json", "--force"]));
    assert_eq!((&end["status"], plane.count("CreateRun")), (&"built".into(), 1));
}

#[test]
fn a_code_bundle_is_settled_before_the_build() {
    let plane = ControlPlane::start(Scenario::Works);
    let project = project(&plane);
    let output = project.run(&["build", "bundle.py", "--progress", "json"]);
    assert_eq!(last(&output)["uri"], BUILT, "{output:?}");
    let tag = events(&output)[0]["uri"].as_str().expect("an address").to_owned();
    let inputs = plane.bodies("UploadInputs").concat();
    assert!(String::from_utf8_lossy(&inputs).contains(&tag), "{tag}");
}

#[test]
fn nobody_has_to_wait() {
    let plane = ControlPlane::start(Scenario::Slow);
    let project = project(&plane);
    let end = last(&project.run(&["build", "m.py", "--progress", "json", "--no-wait"]));
    assert_eq!(
        (&end["status"], &end["uri"], &end["run"]["name"]),
        (&"started".into(), &Value::Null, &RUN.into())
    );
    let output = project.run(&["build", "m.py", "--no-wait"]);
    assert!(String::from_utf8_lossy(&output.stdout).ends_with(&format!("/runs/{RUN}\n")), "{output:?}");
}

#[test]
fn a_dry_run_asks_nobody() {
    let plane = ControlPlane::start(Scenario::Works);
    let project = project(&plane);
    let output = project.run(&["build", "m.py", "--dry-run", "--context-dir", "out"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(&format!("flyte's remote builder: localhost:{}, flytesnacks, development", plane.port))
    );
    assert!(project.path().join("out/Dockerfile").is_file());
    assert_eq!(plane.count(""), 0);
}

#[test]
fn failures_have_a_kind_a_message_a_place_and_advice() {
    let said = "uv pip install failed: Because there is no version of torch==99 and you require torch==99, we can conclude that your requirements are unsatisfiable.";
    for (scenario, message, line, advice) in [
        (
            Scenario::Fails(said),
            "there is no version of torch==99",
            7,
            "the log of the build is at http://localhost",
        ),
        (Scenario::NoBuilder, "remote image builder is not enabled", 5, "ask whoever runs it"),
        (Scenario::UploadRefused, "403", 5, ""),
        (Scenario::Denied, "permission denied", 5, "ask for the right to write"),
    ] {
        let plane = ControlPlane::start(scenario);
        let output = project(&plane).run(&["build", "m.py", "--progress", "json"]);
        let end = last(&output);
        assert_eq!((output.status.code(), &end["event"]), (Some(1), &"failed".into()), "{scenario:?} {end}");
        let has = |field: &str, text: &str| end[field].as_str().unwrap_or_default().contains(text);
        assert!(has("message", message), "{scenario:?} {end}");
        assert_eq!(
            (&end["path"], &end["range"]["start"]["line"]),
            (&"m.py".into(), &line.into()),
            "{scenario:?} {end}"
        );
        assert!(has("advice", advice), "{scenario:?} {end}");
    }
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let plane = ControlPlane::start(Scenario::Works);
    let project = project(&plane);
    drop(plane);
    let output = project.run(&["build", "m.py"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("check admin.endpoint in flyte's configuration"), "{told}");
}

#[test]
fn a_backend_that_goes_away_can_be_left() {
    let plane = ControlPlane::start(Scenario::Lost);
    cancelled(&plane);
}

#[test]
fn a_backend_that_goes_away_is_said_with_the_run() {
    let plane = ControlPlane::start(Scenario::Lost);
    let output = project(&plane).run(&["build", "m.py", "--progress", "json"]);
    let end = last(&output);
    assert_eq!((output.status.code(), &end["event"]), (Some(1), &"failed".into()), "{end}");
    // flyte tries for a while.
    assert_eq!(end["exception"], "ConnectError", "{end}");
    let advice = end["advice"].as_str().unwrap_or_default();
    assert!(advice.starts_with("the run may go on at http") && advice.contains(RUN), "{end}");
}

#[test]
fn whoever_cancels_hears_that_the_run_goes_on() {
    let plane = ControlPlane::start(Scenario::Slow);
    cancelled(&plane);
    assert_eq!(plane.count("AbortRun"), 0);
}

/// Interrupts a build whose run runs.
fn cancelled(plane: &ControlPlane) {
    let project = project(plane);
    let mut child = project.command(&["build", "m.py", "--progress", "json"]).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("a stream")).lines();
    let mut next = || {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str::<Value>(&line).expect("JSON")
    };
    while next()["event"] != "run" {}
    plane.wait_for("WatchActionDetails");
    interrupt(&child);
    let end = loop {
        let event = next();
        if event["event"] == "failed" {
            break event;
        }
    };
    assert_eq!(end["message"], format!("cancelled: the run {RUN} goes on"));
    assert_eq!(end["advice"], format!("to end it, too: flyte abort run {RUN}"));
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    project.assert_nothing_is_left(child.id());
}

#[test]
fn other_releases_of_flyte_build_too() {
    // The first one whose dependencies of today work, and one between.
    for release in ["2.5.10", "2.9.0"] {
        let plane = ControlPlane::start(Scenario::Works);
        let mut project = project(&plane);
        project.python = crate::oracle::environment(release);
        let output = project.run(&["build", "m.py", "--progress", "json"]);
        assert_eq!(last(&output)["uri"], BUILT, "{release} {output:?}");
        let warnings = events(&output).into_iter().filter(|e| e["rule"] == "IMG903").count();
        assert_eq!(warnings, 0, "{release} {output:?}");
    }
}

#[test]
fn on_a_terminal_it_is_asked_whether_the_run_is_to_end() {
    for (reply, aborted, kind) in [("y", 1, "xterm"), ("n", 0, "")] {
        let plane = ControlPlane::start(Scenario::Slow);
        let project = project(&plane);
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remote/terminal.py");
        let own = project.command(&["build", "m.py"]);
        let mut command = std::process::Command::new("python3");
        command.args([program, "the build runs at", "[y/N]", reply]);
        command.arg(own.get_program()).args(own.get_args()).env_clear();
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.env("TERM", kind).current_dir(project.path()).output().expect("output");
        assert_eq!((output.status.code(), plane.count("AbortRun")), (Some(130), aborted), "{output:?}");
        project.assert_nothing_is_left(u32::MAX);
    }
}
