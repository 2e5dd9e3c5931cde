import flyte

image = (
    flyte.Image.from_debian_base(name="train", registry="localhost:5000/lab", python_version=(3, 12), platform=("linux/amd64",))
    .with_apt_packages("git")
    .with_pip_packages("httpx==0.27.0")
    .with_commands(["echo one", "echo two && touch /tmp/done"])
)
env = flyte.TaskEnvironment(name="train", image=image)
