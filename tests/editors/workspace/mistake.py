import flyte

image = flyte.Image.from_debian_base(name="mistake", python_version=(3, 12)).with_pip_packages(["httpx==0.27.0", "pandas==2.2.0"])
other = image.with_apt_packages("git")
