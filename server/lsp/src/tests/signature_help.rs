use serde_json::{Value, json};

use super::{Setup, TestClient};

fn help(client: &mut TestClient, text: &str) -> Value {
    let (uri, place) = client.open_at("a.py", text);
    client.at("textDocument/signatureHelp", &uri, &place)
}

#[test]
fn the_parameter_that_is_typed_is_shown() {
    let mut client = TestClient::start();
    let head = "import flyte\nimage = flyte.Image.from_debian_base(name='n')";
    for (rest, label, active) in [
        (
            ".with_pip_packages(|",
            "with_pip_packages(*packages, index_url=None, extra_index_urls=None, pre=False, extra_args=None, secret_mounts=None) -> Image",
            0,
        ),
        (".with_pip_packages('a', 'b', |)", "", 0),
        (".with_pip_packages('a', pre=|", "", 3),
        (
            ".with_source_folder('a', |",
            "with_source_folder(src, dst=\".\", copy_contents_only=False) -> Image",
            1,
        ),
        (".with_source_folder('a(', [1, (2, |", "", 1),
        (".with_workdir('/a', |", "", 1),
    ] {
        let answer = help(&mut client, &format!("{head}{rest}\nx = 1\n"));
        if !label.is_empty() {
            assert_eq!(answer["signatures"][0]["label"], label, "{rest}");
        }
        assert_eq!(answer["activeParameter"], active, "{rest}");
    }
    let answer = help(&mut client, "import flyte\nimage = flyte.Image.from_uv_script('a.py', |");
    let label = answer["signatures"][0]["label"].as_str().unwrap_or_default().to_owned();
    assert!(label.starts_with("from_uv_script(script, *, name, registry=None"), "{label}");
    assert_eq!(answer["signatures"][0]["parameters"][1]["label"], json!([26, 30]));
    // Behind the last one by position only names go on.
    assert_eq!(answer["activeParameter"], 11);
    assert_eq!(help(&mut client, "import other\nx = other.with_pip_packages(|"), Value::Null);
    assert_eq!(help(&mut client, "import flyte\nx = print(|"), Value::Null);
}

#[test]
fn parameters_are_those_of_the_release() {
    let mut client =
        TestClient::with(Setup { options: json!({ "flyteVersion": "2.0.6" }), ..Setup::default() });
    let answer =
        help(&mut client, "import flyte\nx = flyte.Image.from_debian_base(name='n').with_requirements(|)");
    assert_eq!(answer["signatures"][0]["label"], "with_requirements(file, secret_mounts=None) -> Image");
}
