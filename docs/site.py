"""Makes the repository's pages outside `docs/` part of the documentation site: a hook of `mkdocs.yml`."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[1]
OUTSIDE = ("CHANGELOG.md", "SECURITY.md", "benchmarks/**/*.md", "embedding/**/*.md")
ELSEWHERE = {"README.md": "index.md", "dashboards/logo.svg": "images/logo.svg"}
"""Files of the repository that the site has under another name."""

_LINK = re.compile(r"\[([^\[\]]*)\]\((?!\w+:)([^()\s#]+)(#[^()\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages outside, in their own folders, the README as the first page, and the logo."""
    outside = [page for pattern in OUTSIDE for page in sorted(REPOSITORY.glob(pattern))]
    named = [page.relative_to(REPOSITORY).as_posix() for page in outside]
    for source, uri in (dict(zip(named, named, strict=True)) | ELSEWHERE).items():
        files.append(File.generated(config, uri, abs_src_path=str(REPOSITORY / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrites links from places in the repository to those in the site; what the site lacks is no link."""
    places = {os.path.realpath(file.abs_src_path): file.src_uri for file in files if file.abs_src_path}
    source, folder = Path(page.file.abs_src_path or ""), Path(page.file.src_uri).parent

    def placed(link: re.Match[str]) -> str:
        text, path, anchor = link.group(1), link.group(2), link.group(3) or ""
        target = (source.parent / path).resolve()
        if not target.exists():
            return link[0]  # broken, which strict mode says
        uri = places.get(str(target))
        return f"[{text}]({os.path.relpath(uri, folder)}{anchor})" if uri else text

    return _LINK.sub(placed, markdown)
