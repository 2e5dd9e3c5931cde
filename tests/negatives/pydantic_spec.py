"""A model that is called ImageSpec."""

from pydantic import BaseModel


class ImageSpec(BaseModel):
    packages: str
    python_version: str = "3.12"


spec = ImageSpec(packages="numpy pandas", python_version="3.12")
