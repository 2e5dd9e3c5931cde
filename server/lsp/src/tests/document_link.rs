use super::{TestClient, position};

#[test]
fn files_and_registries_are_linked() {
    let mut client = TestClient::start();
    client.write("requirements.txt", "six\n");
    let text = "import flyte\na = flyte.Image.from_base('ghcr.io/acme/base:1')\nb = flyte.Image.from_debian_base(name='n').with_requirements('requirements.txt')\nc = flyte.Image.from_debian_base(name='n').with_requirements('nothing.txt')\n";
    let uri = client.open("a.py", text);
    let found = client.of("textDocument/documentLink", &uri);
    let all = found.as_array().expect("links");
    assert_eq!(all.len(), 2, "{found}");
    assert_eq!(all[0]["target"], "https://ghcr.io/acme/base");
    assert_eq!(all[1]["target"], client.uri("requirements.txt"));
    assert_eq!(all[1]["range"]["start"], position(2, 61));
}
