use serde_json::{Value, json};

use super::{TestClient, position};

fn titles(lenses: &Value) -> Vec<&str> {
    lenses.as_array().into_iter().flatten().filter_map(|l| l["command"]["title"].as_str()).collect()
}

const TEXT: &str = "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\")\n    .with_apt_packages(\"git\")\n)\n";

#[test]
fn an_image_has_its_tag_layers_and_commands_above_it() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", TEXT);
    let lenses = client.of("textDocument/codeLens", &uri);
    let shown = titles(&lenses);
    assert!(
        shown[0].starts_with("n:") && shown[0].contains("… · ") && shown[0].ends_with(" layer"),
        "{shown:?}"
    );
    assert_eq!(shown[1..], ["Build", "Dockerfile"]);
    assert_eq!(lenses[0]["range"]["start"], position(2, 0));
    assert_eq!(lenses[1]["command"]["arguments"][0]["name"], "image");
}

#[test]
fn commands_of_the_client_are_offered_to_it() {
    let commands = json!(["imageLsp.copyUri"]);
    let mut client = TestClient::able(json!({ "experimental": { "imageLsp": { "commands": commands } } }));
    let uri = client.open("a.py", TEXT);
    let lenses = client.of("textDocument/codeLens", &uri);
    assert_eq!(titles(&lenses)[1..], ["Build", "Dockerfile", "Copy URI"]);
    let copied = &lenses[3]["command"]["arguments"][0]["text"];
    assert!(copied.as_str().is_some_and(|t| t.len() == "n:".len() + 32), "{copied}");
}

#[test]
fn what_is_not_known_is_not_shown_as_known() {
    let mut client = TestClient::start();
    let text = "import flyte, sys\na = flyte.Image.from_base(unheard_of()).clone(name='n')\nb = flyte.Image.from_base('x').with_apt_packages('y')\n";
    let uri = client.open("a.py", text);
    let lenses = client.of("textDocument/codeLens", &uri);
    assert_eq!(titles(&lenses), ["tag not known · no layers", "no image: ValueError"]);
}

#[test]
fn lenses_can_be_switched_off() {
    let mut client =
        TestClient::with(super::Setup { options: json!({ "codeLens": false }), ..super::Setup::default() });
    let uri = client.open("a.py", TEXT);
    assert_eq!(client.of("textDocument/codeLens", &uri), json!([]));
}

#[test]
fn images_that_share_a_name_have_their_own_dockerfiles() {
    let mut client = TestClient::start();
    let text = "import os, flyte\nimage = flyte.Image.from_debian_base(name='n', python_version=(3, 12)).with_commands(['first'])\nif os.environ.get('GPU'):\n    image = image.with_commands(['second'])\n";
    let uri = client.open("a.py", text);
    let lenses = client.of("textDocument/codeLens", &uri);
    let arguments: Vec<&Value> = lenses
        .as_array()
        .into_iter()
        .flatten()
        .filter(|l| l["command"]["title"] == "Dockerfile")
        .map(|l| &l["command"]["arguments"])
        .collect();
    assert_eq!(arguments.len(), 2, "{lenses}");
    for (arguments, has_second) in arguments.into_iter().zip([false, true]) {
        let asked = json!({ "command": "imageLsp.showDockerfile", "arguments": arguments });
        let answer = client.ask("workspace/executeCommand", asked);
        let shown = answer["result"]["text"].as_str().expect("a text");
        assert_eq!(shown.contains("second"), has_second, "{shown}");
    }
    // The name alone means the image of the environment.
    let named =
        json!({ "command": "imageLsp.showDockerfile", "arguments": [{ "uri": uri, "name": "image" }] });
    let answer = client.ask("workspace/executeCommand", named);
    assert!(answer["result"]["text"].as_str().is_some_and(|t| !t.contains("second")), "{answer}");
}
