//! `verify`: what it says where predictions are right, and where they are not.

use serde_json::Value;

use crate::oracle;
use crate::project::Project;

const FILE: &str = "import os\nimport flyte\n\nimage = (\n    flyte.Image.from_debian_base(name='train', python_version=(3, 12))\n    .with_apt_packages('git')\n    .with_pip_packages('six', pre=True)\n)\nenv = flyte.TaskEnvironment(name='e', image=image)\nif os.environ.get('GPU'):\n    other = image.with_commands(['gpu'])\n";

fn json(project: &Project, arguments: &[&str]) -> (Option<i32>, Value) {
    let all: Vec<&str> = ["verify", "--output-format", "json"].iter().chain(arguments).copied().collect();
    let output = project.run(&all);
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), document)
}

#[test]
fn right_predictions_are_equal() {
    let project =
        Project::new(&[("m.py", FILE), ("n.py", "import flyte\nx = flyte.Image.from_base('debian:12')\n")]);
    let (status, document) = json(&project, &[]);
    let environment = &document["environments"][0];
    assert_eq!((status, &document["schema_version"]), (Some(0), &1.into()), "{document}");
    assert_eq!(environment["flyte_version"], crate::project::RELEASE);
    let files = environment["files"].as_array().expect("files");
    assert_eq!(files.len(), 2, "{document}");
    let image = &files[0]["images"][0];
    assert_eq!((&image["verdict"], &image["uri"]), (&"equal".into(), &image["predicted"]), "{document}");
    assert_eq!(image["names"], serde_json::json!(["image", "env.image"]));
    assert_eq!(files[0]["images"][1]["verdict"], "not-comparable");
    // One name alone, and an environment in which it is there.
    let output = project.command(&["verify", "m.py::other"]).env("GPU", "1").output().expect("output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("1 equal, 0 different, 0 not comparable; flyte 2.12.1 ("), "{text}");
}

#[test]
fn wrong_predictions_are_said_with_the_call_and_what_to_report() {
    // flyte 2.0.0 has another base, and hashes other things of packages.
    let project = Project::new(&[("m.py", FILE)]);
    let (status, document) = json(&project, &["m.py::image", "--flyte-version", "2.0.0"]);
    let image = &document["environments"][0]["files"][0]["images"][0];
    assert_eq!((status, &image["verdict"]), (Some(1), &"different".into()), "{document}");
    let difference = &image["difference"];
    assert_eq!((&difference["part"], &difference["actual"]), (&"uri".into(), &image["uri"]), "{document}");
    assert_ne!(image["uri"], image["predicted"]);
    assert_eq!(
        (&difference["method"], &difference["range"]["start"]["line"]),
        (&"with_apt_packages".into(), &6.into())
    );
    let output = project.run(&["verify", "m.py::image", "--flyte-version", "2.0.0"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("m.py:6:6: IMG903 flyte 2.12.1 gives it the address"), "{text}");
    assert!(text.contains("please report it"), "{text}");
}

#[test]
fn a_dockerfile_that_differs_is_said_with_its_line() {
    // The address is the same in both; what writes the Dockerfile is not.
    let project = Project::new(&[(
        "m.py",
        "import flyte\nimage = flyte.Image.from_base('debian:12').clone(name='n', registry='r.io', python_version=(3, 12), extendable=True).with_commands(['a'])\n",
    )]);
    let (status, document) = json(&project, &["m.py", "--flyte-version", "2.12.0"]);
    let image = &document["environments"][0]["files"][0]["images"][0];
    assert_eq!((status, &image["verdict"]), (Some(1), &"different".into()), "{document}");
    assert_eq!((&image["difference"]["part"], &image["uri"]), (&"dockerfile".into(), &image["predicted"]));
    assert!(image["difference"]["predicted"].as_str().is_some_and(|t| t.starts_with("line ")), "{document}");
}

#[test]
fn every_environment_of_a_folder_is_asked() {
    let project = Project::new(&[("m.py", FILE)]);
    let folder = project.path().join("environments");
    std::fs::create_dir(&folder).expect("a folder");
    for release in ["2.6.13", crate::project::RELEASE] {
        std::os::unix::fs::symlink(oracle::environment(release), folder.join(release)).expect("a link");
    }
    let (status, document) = json(&project, &["m.py::image", "--all-environments", "environments"]);
    let environments = document["environments"].as_array().expect("environments");
    let seen: Vec<(&str, &str)> = environments
        .iter()
        .filter_map(|e| Some((e["flyte_version"].as_str()?, e["files"][0]["images"][0]["verdict"].as_str()?)))
        .collect();
    assert_eq!((status, seen), (Some(0), vec![("2.12.1", "equal"), ("2.6.13", "equal")]), "{document}");
}

#[test]
fn an_environment_without_flyte_is_said_with_how_to_choose_another() {
    let project = Project::new(&[("m.py", FILE)]);
    let made = std::process::Command::new(oracle::python())
        .args(["-m", "venv", "--without-pip"])
        .arg(project.path().join(".venv"))
        .status();
    assert!(made.expect("venv").success());
    let output = project.command(&["verify", "m.py"]).env_remove("VIRTUAL_ENV").output().expect("output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let program = project.path().join(".venv/bin/python").display().to_string();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&format!("there is no flyte 2 in {program} (.venv)")), "{text}");
    assert!(
        text.contains("choose another interpreter with --python PATH, the setting python, or VIRTUAL_ENV"),
        "{text}"
    );
}

#[test]
fn an_interpreter_that_is_none_is_said() {
    let project =
        Project::new(&[("m.py", FILE), ("silent", "#!/bin/sh\n"), ("hanging", "#!/bin/sh\nsleep 1000\n")]);
    for (name, said) in [
        ("silent", "ended without an answer while it started"),
        ("hanging", "was stopped: for 2 seconds it started"),
        ("nosuch", "no Python was found for this project: neither by --python"),
        ("m.py", "cannot be started"),
    ] {
        if ["silent", "hanging"].contains(&name) {
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(project.path().join(name), executable).expect("a program");
        }
        let output = project.run(&["verify", "m.py", "--timeout", "2", "--python", name]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name} {output:?}");
        assert!(text.contains(said) && text.contains("choose another interpreter"), "{name} {text}");
    }
}

#[test]
fn what_both_refuse_is_equal() {
    let project = Project::new(&[(
        "m.py",
        "import flyte\nimage = flyte.Image.from_base('x').with_pip_packages(['a'])\n",
    )]);
    let output = project.run(&["verify", "m.py"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("both end with "), "{text}");
}

#[test]
fn outcomes_that_nobody_can_decide_are_decided_by_flyte() {
    let python = "import os, flyte, random\nbase = flyte.Image.from_base('debian:12')\nif os.getpid() < 0:\n    image = base.clone(name='a', extendable=True).with_commands(['a'])\nelse:\n    image = base.clone(name='b', extendable=True).with_commands(['b'])\ntag = 'c' if random.random() < 2 else 'd'\nother = base.clone(name=tag, extendable=True).with_commands(['c'])\n";
    let project = Project::new(&[("m.py", python)]);
    let (status, document) = json(&project, &["m.py"]);
    let images = document["environments"][0]["files"][0]["images"].as_array().expect("images");
    for name in ["image", "other"] {
        let of_name = |i: &&Value| i["names"].as_array().is_some_and(|names| names.contains(&name.into()));
        let verdicts: Vec<&Value> = images.iter().filter(of_name).map(|i| &i["verdict"]).collect();
        assert_eq!(verdicts[0], "equal", "{name} {document}");
    }
    assert_eq!(status, Some(0));
}

#[test]
fn what_a_file_sets_up_itself_is_left_to_it() {
    let config = "image:\n  image_refs:\n    gpu: r.io/gpu:1\n";
    let python = "import pathlib, flyte\nflyte.init(root_dir=pathlib.Path(__file__).parent)\nplain = flyte.Image.from_debian_base(name='n', python_version=(3, 12)).with_commands(['a'])\nbundle = plain.with_code_bundle()\ngpu = flyte.Image.from_ref_name('gpu')\n";
    let project = Project::new(&[("m.py", python), ("config.yaml", config)]);
    let (status, document) = json(&project, &["m.py"]);
    let images = document["environments"][0]["files"][0]["images"].as_array().expect("images");
    let verdicts: Vec<&str> = images.iter().filter_map(|i| i["verdict"].as_str()).collect();
    assert_eq!(
        (status, verdicts),
        (Some(0), vec!["equal", "not-comparable", "not-comparable"]),
        "{document}"
    );
}
