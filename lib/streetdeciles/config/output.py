"""The section `output`."""

from __future__ import annotations

from streetdeciles.config.section import CatalogSchema, Section


class OutputConfig(Section):
    """Where results go besides the work_dir."""

    tables: CatalogSchema | None = None
    """A schema in a catalog, e.g. `main.streets`, in which each table of results is replaced when the run has finished;
    null for none. The schema must exist."""
