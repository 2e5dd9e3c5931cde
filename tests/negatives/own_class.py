"""A class with the methods of flyte's, and flyte imported beside it."""

import flyte


class Image:
    @classmethod
    def from_debian_base(cls, **arguments):
        return cls()

    def with_pip_packages(self, *packages):
        return self

    def with_commands(self, *commands):
        return self


image = Image.from_debian_base(name="Upper Case").with_pip_packages(["a"]).with_commands("a", "b")
env = flyte.TaskEnvironment(name="tasks", image="ghcr.io/acme/tasks:1")
