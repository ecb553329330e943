"""Is the course open in the way it says: two licences, a citation, templates, and tests that run on every change?"""

import re
import tomllib

import pytest
import yaml
from offline import REPOSITORY
from packaging.specifiers import SpecifierSet

GITHUB = REPOSITORY / ".github"
PAGES = sorted(GITHUB.rglob("*.md"))
BY = "https://creativecommons.org/licenses/by/4.0/"
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


def test_two_licences():
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    notice, _, mit = text.partition("MIT License\n\n")
    assert BY in notice and "Text and figures" in notice and "Code" in notice
    assert mit.startswith("Copyright (c)") and mit.rstrip().endswith("SOFTWARE.")
    assert tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["license"] == "MIT"
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert BY in readme and "MIT" in readme and "CITATION.cff" in readme


def test_citation():
    """What the Citation File Format 1.2.0 asks for, and both licences."""
    content = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert content["cff-version"] == "1.2.0" and content["type"] == "software"
    assert all(content[name] for name in ("message", "title", "authors")) and isinstance(content["version"], str)
    assert content["license"] == "MIT" and "CC BY 4.0" in content["abstract"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert content["repository-code"] == project["urls"]["repository"]
    assert [author["name"] for author in content["authors"]] == [author["name"] for author in project["authors"]]


def test_every_change_is_tested_by_the_one_command():
    text = (GITHUB / "workflows" / "ci.yml").read_text()
    content = yaml.safe_load(text)
    (job,) = content["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert content["permissions"] == {"contents": "read"} and "pull_request" in text
    allowed = SpecifierSet(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"])
    versions = job["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.13"] and all(version in allowed for version in versions)


def test_issue_templates():
    templates = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.md"))
    assert [path.stem for path in templates] == ["bug_in_a_unit", "new_exercise", "stumble"]
    for path in templates:
        _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
        assert set(yaml.safe_load(head)) == {"name", "about", "title"} and body.count("**") >= 8


@every_page
def test_pages_name_nobody_and_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"[\w.]+@[\w-]+\.\w+", text), "contact is by issues"
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (path.parent / link).exists(), link


def test_contributors_find_the_commands_they_are_told():
    text = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"`make (\w+)`", text))
    assert all((REPOSITORY / name).exists() for name in re.findall(r"\.ci/\w+\.py", text))
