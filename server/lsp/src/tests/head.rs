use std::process::Command;

use serde_json::{Value, json};

use super::{TestClient, position};

const BASE: &str = "import flyte\nimage = (\n    flyte.Image.from_debian_base(name='n', python_version=(3, 12))\n    .with_apt_packages('git')\n    .with_requirements('requirements.txt')\n    .with_commands(['echo a'])\n)\n";

fn git(client: &TestClient, arguments: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(&client.folder)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("git");
    assert!(status.success(), "{arguments:?}");
}

fn repository() -> TestClient {
    let client = TestClient::able(json!({ "workspace": { "codeLens": { "refreshSupport": true } } }));
    client.write("a.py", BASE);
    client.write("requirements.txt", "six==1.16\n");
    git(&client, &["init", "-q"]);
    git(&client, &["add", "."]);
    git(&client, &["commit", "-q", "-m", "first"]);
    // A hook of the user's must not run.
    for hook in ["post-index-change", "fsmonitor", "post-checkout", "reference-transaction"] {
        let path = client.write(
            &format!(".git/hooks/{hook}"),
            "#!/bin/sh\ntouch \"$(git rev-parse --git-dir)/../hooked\"\n",
        );
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("set");
    }
    client
}

/// Waits until the lens says something of the last commit.
fn impact(client: &mut TestClient, uri: &str, expected: &str) {
    loop {
        let lenses = client.of("textDocument/codeLens", uri);
        let titles: Vec<String> = lenses
            .as_array()
            .into_iter()
            .flatten()
            .map(|l| l["command"]["title"].as_str().unwrap_or("").to_owned())
            .collect();
        if titles.iter().any(|t| t == expected) {
            return;
        }
        client.asked_for("workspace/codeLens/refresh");
    }
}

#[test]
fn what_a_change_rebuilds_is_told() {
    let mut client = repository();
    let uri = client.open("a.py", BASE);
    impact(&mut client, &uri, "same tag as in HEAD");
    let shown = client.hover(&uri, &position(1, 2)).expect("a hover");
    assert!(shown.contains("same tag as in HEAD"), "{shown}");
    let expect = |text: &str, client: &mut TestClient, version: i64, expected: &str| {
        client.change(&uri, version, json!([{ "text": text }]));
        client.diagnostics(&uri, version);
        let lenses = client.of("textDocument/codeLens", &uri);
        let titles: Vec<&Value> =
            lenses.as_array().into_iter().flatten().map(|l| &l["command"]["title"]).collect();
        assert!(titles.contains(&&json!(expected)), "{expected}: {titles:?}");
    };
    let layers = |text: &str, client: &mut TestClient, version| {
        expect(text, client, version, "same tag as in HEAD");
    };
    layers(&format!("# words\n{BASE}"), &mut client, 2);
    let last = lenses_number(&mut client, &uri);
    expect(
        &BASE.replace("echo a", "echo b"),
        &mut client,
        3,
        &format!("tag changed since HEAD, from layer {last} (with_commands) on"),
    );
    let more = BASE.replace(
        "    .with_commands(['echo a'])\n",
        "    .with_commands(['echo a'])\n    .with_workdir('/x')\n",
    );
    expect(
        &more,
        &mut client,
        4,
        &format!("tag changed since HEAD, from layer {} (with_workdir) on", last + 1),
    );
    let fewer = BASE.replace("    .with_commands(['echo a'])\n", "");
    expect(&fewer, &mut client, 5, &format!("tag changed since HEAD: it ends after layer {}", last - 1));
    expect(
        &BASE.replace("name='n'", "name='m'"),
        &mut client,
        6,
        "address changed since HEAD, all layers are the same",
    );
    expect(&BASE.replace("image =", "other ="), &mut client, 7, "not in HEAD");
    assert!(!client.folder.join("hooked").exists(), "a hook ran");
}

/// How many layers the first image has.
fn lenses_number(client: &mut TestClient, uri: &str) -> usize {
    let lenses = client.of("textDocument/codeLens", uri);
    let title = lenses[0]["command"]["title"].as_str().unwrap_or_default().to_owned();
    title
        .split(" · ")
        .nth(1)
        .and_then(|l| l.split(' ').next())
        .and_then(|n| n.parse().ok())
        .expect("a number")
}

#[test]
fn other_files_count_as_they_were_committed() {
    let mut client = repository();
    // Changed on the disk since the commit, and a file that git does not know.
    client.write("requirements.txt", "six==1.17\n");
    let uri = client.open("a.py", BASE);
    let layers = loop {
        let lenses = client.of("textDocument/codeLens", &uri);
        if lenses.as_array().is_some_and(|l| l.len() > 3) {
            break lenses;
        }
        client.asked_for("workspace/codeLens/refresh");
    };
    let title = layers[1]["command"]["title"].as_str().unwrap_or_default();
    assert!(
        title.starts_with("tag changed since HEAD, from layer ")
            && title.ends_with(" (with_requirements) on"),
        "{title}"
    );
    // Committed: there is no difference any more, and the next look sees it.
    git(&client, &["commit", "-q", "-a", "-m", "second"]);
    client.files_changed();
    client.diagnostics(&uri, 1);
    impact(&mut client, &uri, "same tag as in HEAD");
}

#[test]
fn a_file_outside_of_a_repository_or_not_committed_is_told_so_or_nothing() {
    let mut client = repository();
    let uri = client.open("new.py", BASE);
    impact(&mut client, &uri, "not in HEAD");
    let mut client = TestClient::start();
    let uri = client.open(
        "a.py",
        "import flyte\nimage = flyte.Image.from_debian_base(name='n', python_version=(3, 12))\n",
    );
    let lenses = client.of("textDocument/codeLens", &uri);
    assert_eq!(lenses.as_array().map(Vec::len), Some(3), "{lenses}");
}
