use serde_json::{Value, json};

use super::{TestClient, labels};

fn completed(client: &mut TestClient, name: &str, text: &str) -> Value {
    let (uri, place) = client.open_at(name, text);
    client.at("textDocument/completion", &uri, &place)
}

#[test]
fn the_class_has_constructors() {
    let mut client = TestClient::start();
    for text in [
        "import flyte\nimage = flyte.Image.|\n",
        "import flyte\nimage = flyte.Image.from_|\nx = 1\n",
        "from flyte import Image as I\nf(I.|)\n",
    ] {
        let answer = completed(&mut client, "a.py", text);
        assert_eq!(
            labels(&answer),
            [
                "from_debian_base",
                "from_base",
                "from_ref_name",
                "from_dockerfile",
                "from_uv_script",
                "from_pixi_script"
            ],
            "{text}"
        );
    }
    let other = completed(&mut client, "b.py", "from PIL import Image\nimage = Image.|\n");
    assert_eq!(other, Value::Null);
}

#[test]
fn an_image_has_the_methods_that_it_allows() {
    let mut client = TestClient::start();
    let chain = "import flyte\nimage = (\n    flyte.Image.from_debian_base(name='n')\n    # words (\n    .with_|\n    .with_commands(['a'])\n)\nx = 1\n";
    let open = completed(&mut client, "a.py", chain);
    assert!(labels(&open).contains(&"with_pip_packages") && labels(&open).contains(&"clone"), "{open}");
    assert!(!labels(&open).contains(&"from_base"), "{open}");
    for frozen in [
        "import flyte\nimage = flyte.Image.from_base('x').|\n",
        "import flyte\nfrom pathlib import Path\nimage = flyte.Image.from_dockerfile(Path('D'), registry='r', name='n').|\n",
        "import flyte\nbase = flyte.Image.from_base('x')\n\ndef f():\n    return base.w|\n",
        "import flyte\nenv = flyte.TaskEnvironment(name='e', image=flyte.Image.from_base('x').|\nx = 1\n",
    ] {
        let answer = completed(&mut client, "b.py", frozen);
        assert_eq!(labels(&answer), ["clone"], "{frozen}");
    }
    let thawed = completed(
        &mut client,
        "c.py",
        "import flyte\nimage = flyte.Image.from_base('x').clone(name='n', extendable=True).|\n",
    );
    assert!(labels(&thawed).contains(&"with_source_folder"), "{thawed}");
}

#[test]
fn methods_are_those_of_the_release() {
    let mut client = TestClient::with(super::Setup {
        options: json!({ "flyteVersion": "2.5.1" }),
        ..super::Setup::default()
    });
    let answer =
        completed(&mut client, "a.py", "import flyte\nimage = flyte.Image.from_debian_base(name='n').|\n");
    assert!(!labels(&answer).contains(&"with_pixi_project"), "{answer}");
    let answer =
        completed(&mut client, "b.py", "import flyte\nimage = flyte.Image.from_base('x').clone(|)\n");
    assert!(labels(&answer).contains(&"extendable=") && !labels(&answer).contains(&"platform="), "{answer}");
}

#[test]
fn arguments_are_named_once() {
    let mut client = TestClient::start();
    let answer = completed(
        &mut client,
        "a.py",
        "import flyte\nimage = flyte.Image.from_debian_base(name='n', registry='r', |)\n",
    );
    assert_eq!(
        labels(&answer),
        ["python_version=", "flyte_version=", "install_flyte=", "registry_secret=", "platform="]
    );
    let item = answer["items"][0].clone();
    let resolved = client.request("completionItem/resolve", item);
    assert!(
        resolved["documentation"]["value"].as_str().is_some_and(|d| d.contains("Version of Python")),
        "{resolved}"
    );
    let answer = completed(&mut client, "b.py", "import flyte\nimage = flyte.Image.from_base(|\n");
    assert_eq!(labels(&answer), ["image_uri="]);
}

#[test]
fn choices_are_offered() {
    let mut client = TestClient::start();
    client.write(
        "pyproject.toml",
        "[project]\nname = 'x'\n[project.optional-dependencies]\ngpu = []\n[dependency-groups]\nserve = []\n",
    );
    client.write(
        ".flyte/config.yaml",
        "image:\n  image_refs:\n    cpu: ghcr.io/a/cpu:1\n    gpu: ghcr.io/a/gpu:1\n",
    );
    let head = "import flyte\nfrom pathlib import Path\nimage = flyte.Image.from_debian_base(name='n')";
    for (number, (rest, expected)) in [
        (".clone(platform='|')", &["linux/amd64", "linux/arm64"][..]),
        (".clone(platform=|", &["\"linux/amd64\"", "\"linux/arm64\""]),
        (".clone(platform=('linux/amd64', '|'))", &["linux/amd64", "linux/arm64"]),
        (".clone(python_version=|)", &["(3, 14)", "(3, 13)", "(3, 12)", "(3, 11)", "(3, 10)"]),
        (
            ".with_uv_project(Path('pyproject.toml'), project_install_mode='|')",
            &["dependencies_only", "install_project"],
        ),
        (".with_code_bundle(copy_style='|')", &["loaded_modules", "all", "none"]),
        (".with_pip_packages('x', pre=|)", &["True", "False"]),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = completed(&mut client, &format!("a{number}.py"), &format!("{head}{rest}\n"));
        assert_eq!(labels(&answer), expected, "{rest}");
    }
    let answer = completed(&mut client, "b.py", "import flyte\nimage = flyte.Image.from_ref_name('|')\n");
    assert_eq!(labels(&answer), ["cpu", "gpu"]);
    let answer = completed(
        &mut client,
        "c.py",
        &format!("{head}.with_uv_project(Path('pyproject.toml'), extra_args='--no-dev --e|')\n"),
    );
    assert!(
        labels(&answer).contains(&"--extra gpu") && labels(&answer).contains(&"--group serve"),
        "{answer}"
    );
    assert_eq!(answer["items"][0]["textEdit"]["range"]["start"]["character"], 108);
    let answer = completed(&mut client, "d.py", &format!("{head}.with_env_vars({{'PYTHON|'}})\n"));
    assert!(labels(&answer).contains(&"PYTHONUNBUFFERED"), "{answer}");
    let answer = completed(&mut client, "e.py", &format!("{head}.with_env_vars({{'A': '|'}})\n"));
    assert_eq!(answer, Value::Null);
    let secrets = format!("{head}.with_pip_packages('x', secret_mounts=[flyte.Secret(key='token')])\n");
    let uri = client.open("f.py", &secrets);
    client.diagnostics(&uri, 1);
    let answer =
        completed(&mut client, "g.py", &format!("{head}.with_pip_packages('x', secret_mounts=['|'])\n"));
    assert_eq!(labels(&answer), ["token"]);
    let answer = completed(&mut client, "h.py", "x = 1  # image-lsp: ignore[|\n");
    assert!(labels(&answer).contains(&"IMG103"), "{answer}");
}

#[test]
fn paths_are_those_of_the_right_kind() {
    let mut client = TestClient::start();
    for name in [
        "requirements.txt",
        "notes.md",
        "sub/more.txt",
        "sub/pyproject.toml",
        "pyproject.toml",
        "sub/deep/x.py",
        ".git/HEAD",
    ] {
        client.write(name, "");
    }
    let head = "import flyte\nfrom pathlib import Path\nimage = flyte.Image.from_debian_base(name='n')";
    for (name, rest, expected) in [
        ("a.py", ".with_requirements('|')", &["sub", "requirements.txt"][..]),
        ("b.py", ".with_requirements('sub/|')", &["deep", "more.txt"]),
        ("c.py", ".with_requirements(Path('su|'))", &["sub", "requirements.txt"]),
        ("d.py", ".with_uv_project(Path('|'))", &["sub", "pyproject.toml"]),
        ("e.py", ".with_source_folder(Path('|'))", &["sub"]),
        ("f.py", ".with_source_file(Path('sub/deep/|'))", &["x.py"]),
        ("sub/g.py", ".with_uv_project(Path(__file__).parent / '|')", &["deep", "pyproject.toml"]),
    ] {
        let answer = completed(&mut client, name, &format!("{head}{rest}\n"));
        assert_eq!(labels(&answer), expected, "{rest}");
    }
    let answer = completed(&mut client, "h.py", &format!("{head}.with_requirements('sub/mo|')\n"));
    let edit = &answer["items"][1]["textEdit"];
    assert_eq!(edit["newText"], "more.txt");
    assert_eq!(
        edit["range"]["start"]["character"],
        head.lines().last().map_or(0, str::len) + ".with_requirements('sub/".len()
    );
}
