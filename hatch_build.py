"""The parts of the wheel that no folder holds as they are: a README for an index, and the bill of materials."""

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# `make dist` writes it before the build.
_BILL = "tenantry.cdx.json"
# A link to a file of the repository leads nowhere from an index; its text stays.
_LINK = re.compile(r"\[([^\]]+)\]\((?![a-z]+://)[^)]+\)")
_NOTE = "\nThe documentation is in the folder `docs` of the source archive; begin with `docs/start.md`.\n"


class CustomMetadataHook(MetadataHookInterface):
    """Gives the metadata a README without links to files."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to the metadata."""
        text = Path(self.root, "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": _LINK.sub(r"\1", text) + _NOTE}


class CustomBuildHook(BuildHookInterface[Any]):
    """Puts the bill of materials into the wheel, as PEP 770 wants it: into .dist-info/sboms."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the bill if there is one: a build straight from a checkout has none."""
        if Path(self.root, _BILL).is_file():
            build_data.setdefault("sbom_files", []).append(_BILL)
