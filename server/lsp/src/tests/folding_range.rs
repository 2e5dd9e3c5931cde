use super::TestClient;

#[test]
fn chains_their_calls_and_headers_fold() {
    let mut client = TestClient::start();
    let text = "# /// script\n# dependencies = []\n# ///\nimport flyte\nimage = (\n    flyte.Image.from_debian_base(name='n')\n    .with_apt_packages(\n        'git',\n    )\n)\n";
    let uri = client.open("a.py", text);
    let found = client.of("textDocument/foldingRange", &uri);
    let shown: Vec<_> = found
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| (f["startLine"].as_u64(), f["endLine"].as_u64()))
        .collect();
    assert_eq!(shown, [(Some(0), Some(2)), (Some(4), Some(8)), (Some(6), Some(8))]);
}
