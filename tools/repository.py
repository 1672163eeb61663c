"""Where the course's repository is: `repository.url` in `_config.yml`, the only place that says so.

The environment variable VAE_COURSE_REPOSITORY (owner/name) overrides it: the publishing workflow
sets it to the repository that it runs in. Where the site is follows from it, unless VAE_COURSE_SITE
says so (the workflow sets it to the address that Pages gives, which may be a domain of one's own).
"""

import os
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def repository_url() -> str:
    """The address, such as https://github.com/owner/name, without a slash at the end."""
    name = os.environ.get("VAE_COURSE_REPOSITORY", "").strip("/")
    if name:
        return f"https://github.com/{name}"
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    return config["repository"]["url"].rstrip("/")


def repository_name() -> str:
    """owner/name."""
    return "/".join(repository_url().split("/")[-2:])


def site_url() -> str:
    """The address of the published site, without a slash at the end."""
    address = os.environ.get("VAE_COURSE_SITE", "").rstrip("/")
    if address:
        return address
    owner, name = repository_name().split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}" if name.lower() == host else f"https://{host}/{name}"


if __name__ == "__main__":
    print(repository_url())
