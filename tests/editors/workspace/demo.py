import flyte

image = (
    flyte.Image.from_debian_base(
        name="demo",
        registry="localhost:5000/lab",
        python_version=(3, 12),
        platform=("linux/amd64",),
    )
    .with_apt_packages("git")
    .with_pip_packages(["httpx==0.27.0"])
    .with_commands(["echo hello", "sleep 600"])
)
env = flyte.TaskEnvironment(name="demo", image=image)
