"""Pillow's images."""

from PIL import Image

picture = Image.new("RGB", (1, 1))
copy = Image.from_base("X").clone(name="A").with_requirements("x.toml")
