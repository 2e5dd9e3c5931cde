import flyte

image = flyte.Image.from_debian_base(name="slow", registry="localhost:5000/lab", python_version=(3, 12), platform=("linux/amd64",)).with_commands(
    ["echo it starts", "sleep 600"]
)
