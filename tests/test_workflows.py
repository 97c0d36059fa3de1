"""What GitHub runs: the site is published from main alone, and only if all else went well."""

import copy
import re

import pytest
import yaml
from conftest import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {
    path.name: yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    for path in sorted(FOLDER.glob("*.yml"))
}
MAKE = re.compile(r"\bmake (\w+)")


def jobs_with(workflow, action):
    """The jobs of a workflow that use an action, whatever its version."""
    return [
        name
        for name, job in workflow["jobs"].items()
        if any(step.get("uses", "").split("@")[0] == action for step in job["steps"])
    ]


def assert_published_only_if_sound(workflow):
    """Building, testing and looking must have gone well, on main, before anything is published."""
    [name] = jobs_with(workflow, "actions/deploy-pages")
    deploy = workflow["jobs"][name]
    assert {"lint", "test", "book"} <= set(deploy["needs"])
    assert deploy["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert workflow["on"]["push"] == {"branches": ["main"]}
    for needed in deploy["needs"]:
        job = workflow["jobs"][needed]
        assert "if" not in job, f"{needed} may be left out"
        for step in [job, *job["steps"]]:
            assert "continue-on-error" not in step, f"a failure of {needed} may be passed over"
    assert any(step.get("run") == ".ci/run" for step in workflow["jobs"]["test"]["steps"])
    [name] = jobs_with(workflow, "actions/upload-pages-artifact")
    assert name == "book"
    done = [
        step.get("run") or step["uses"].split("@")[0] for step in workflow["jobs"][name]["steps"]
    ]
    upload = done.index("actions/upload-pages-artifact")
    assert done.index("make book") < done.index('make test PYTEST_ARGS="-k test_site"') < upload


def spoilt(change):
    """ci.yml with a change."""
    workflow = copy.deepcopy(WORKFLOWS["ci.yml"])
    change(workflow["jobs"])
    return workflow


def test_the_site_is_published_only_if_everything_went_well():
    assert_published_only_if_sound(WORKFLOWS["ci.yml"])
    for name, workflow in WORKFLOWS.items():
        assert bool(jobs_with(workflow, "actions/deploy-pages")) == (name == "ci.yml")


@pytest.mark.parametrize(
    "change",
    [
        lambda jobs: jobs["deploy"]["needs"].remove("test"),
        lambda jobs: jobs["deploy"]["needs"].remove("book"),
        lambda jobs: jobs["deploy"].update({"if": "always()"}),
        lambda jobs: jobs["book"]["steps"][2].update({"continue-on-error": "true"}),
        lambda jobs: jobs["test"].update({"if": "false"}),
        lambda jobs: jobs["book"]["steps"].insert(2, jobs["book"]["steps"].pop()),
    ],
)
def test_a_way_around_would_be_noticed(change):
    with pytest.raises(AssertionError):
        assert_published_only_if_sound(spoilt(change))


def test_pull_requests_are_built_and_tested_and_no_page_is_skipped():
    assert "pull_request" in WORKFLOWS["ci.yml"]["on"]
    assert WORKFLOWS["ci.yml"]["env"]["LRBOOK_CHROMIUM"].startswith("/usr/bin/")


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_only_the_jobs_that_must_may_write(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    writing = {
        (name, what)
        for name, job in workflow["jobs"].items()
        for what, level in job.get("permissions", {}).items()
        if level == "write"
    }
    assert writing <= {("deploy", "pages"), ("deploy", "id-token"), ("report", "issues")}


def test_actions_are_named_by_commit_and_each_by_one():
    """A tag can be moved, also to code that would publish something else."""
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in WORKFLOWS]
    used = {line for text in texts for line in re.findall(r"uses: (.+)", text)}
    named = [
        re.fullmatch(r"(actions/[\w-]+)@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line) for line in used
    ]
    assert all(named), used
    assert len({each[1] for each in named}) == len(used)
    renewed = yaml.safe_load((FOLDER.parent / "dependabot.yml").read_text(encoding="utf-8"))
    assert [each["package-ecosystem"] for each in renewed["updates"]] == ["github-actions"]


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_every_make_target_is_in_the_makefile(workflow):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    called = set(MAKE.findall(" ".join(str(job["steps"]) for job in workflow["jobs"].values())))
    assert called
    assert called <= targets


def test_the_weekly_run_tries_the_newest_and_blocks_nothing():
    workflow = WORKFLOWS["weekly.yml"]
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    made = [step for step in steps if step.get("run", "").startswith("make ")]
    assert {step["run"] for step in made} == {
        "make lock LOCK_ARGS=--upgrade",
        "make lint",
        "make test",
        "make book",
        "make links",
    }
    assert all(step["continue-on-error"] == "true" for step in made)


def test_the_weekly_report_has_every_outcome_on_both_pythons():
    """Two runs of a job share its outputs: were both to write the same one, one would be lost."""
    jobs = WORKFLOWS["weekly.yml"]["jobs"]
    report = jobs["report"]["env"]["OUTCOMES"]
    assert f"needs.links.outputs.{jobs['links']['steps'][2]['id']}" in report
    newest = jobs["newest"]
    names = [each["which"] for each in newest["strategy"]["matrix"]["include"]]
    assert len(set(names)) == 2
    assert newest["outputs"] == {name: f"${{{{ steps.told.outputs.{name} }}}}" for name in names}
    assert all(f"needs.newest.outputs.{name} || 'failure'" in report for name in names)
    [told] = [step for step in newest["steps"] if step.get("id") == "told"]
    assert told["run"] == 'echo "$WHICH=$OUTCOMES" >> "$GITHUB_OUTPUT"'
    assert told["env"]["WHICH"] == "${{ matrix.which }}"
    made = [step["id"] for step in newest["steps"] if step.get("run", "").startswith("make ")]
    assert len(made) == 4
    assert all(f"${{{{ steps.{each}.outcome }}}}" in told["env"]["OUTCOMES"] for each in made)
    kept = [step["with"]["name"] for step in newest["steps"] if "upload" in step.get("uses", "")]
    assert kept == ["newest-${{ matrix.python }}"]


def test_screenshots_are_kept():
    uploads = [
        step["with"]["path"]
        for step in WORKFLOWS["ci.yml"]["jobs"]["book"]["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    ]
    assert {"_build/shots", "_build/lrbook.pdf"} <= set(uploads)
