use serde_json::json;

use super::TestClient;

#[test]
fn images_of_every_file_are_found_by_name_address_and_method() {
    let mut client = TestClient::start();
    client.write(
        "a.py",
        "import flyte\ntrain = flyte.Image.from_debian_base(name='model', python_version=(3, 12)).with_apt_packages('git')\n",
    );
    client.write("sub/b.py", "import flyte\nserve = flyte.Image.from_base('x')\n");
    let mut find = |query: &str| {
        let found = client.request("workspace/symbol", json!({ "query": query }));
        found
            .as_array()
            .into_iter()
            .flatten()
            .map(|s| s["name"].as_str().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(find(""), ["serve", "train"]);
    assert_eq!(find("TRAIN"), ["train"]);
    assert_eq!(find("model:"), ["train"]);
    assert_eq!(find("with_apt"), ["with_apt_packages"]);
}
