"""Other builders of images."""

import dagger
from beam import Image
from daytona import Image as Daytona

a = Image().from_dockerfile("Dockerfile").with_commands("a", "b")
b = Daytona.base("python").run_commands("cd /x", "ls").with_workdir(3)
c = dagger.dag.container().from_("alpine").with_workdir("/x").with_env_vars({"A": "b c"})
