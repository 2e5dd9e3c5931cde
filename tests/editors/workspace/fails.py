import flyte

image = flyte.Image.from_debian_base(name="fails", registry="localhost:5000/lab", python_version=(3, 12), platform=("linux/amd64",)).with_commands(
    ["echo before", "echo it breaks here >&2; exit 3"]
)
