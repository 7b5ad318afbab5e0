"""The files for containers: valid, pinned, confined, and in agreement with each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from ingest import __version__
from tests.instances import ROOT

DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
MANIFESTS: list[dict[str, Any]] = [
    one
    for path in sorted((DOCKER / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text("utf-8"))
]
PODS = {
    one["metadata"]["name"]: one["spec"]["template"]["spec"]
    for one in MANIFESTS
    if one["kind"] in ("StatefulSet", "Deployment")
}
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))


def test_compose_file_is_valid() -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(schema.read_text("utf-8")))


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_services_are_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    uid, gid = service["user"].split(":")
    assert int(uid) > 10_000 and int(gid) > 10_000
    assert service["mem_limit"] and service["pids_limit"]
    # no tag that moves
    assert re.search(r":(\$\{KM3VO_VERSION:-)?\d+\.\d+\.\d+\}?$", service["image"])


def test_only_the_proxy_is_published_and_on_loopback() -> None:
    published = {name for name, one in COMPOSE["services"].items() if one.get("ports")}
    assert published <= {"proxy"}
    for name in published:
        for port in COMPOSE["services"][name]["ports"]:
            assert str(port).startswith("${ADDRESS:-127.0.0.1}:")
    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert COMPOSE["services"]["postgres"]["networks"] == ["database"]


def test_manifests_are_valid() -> None:
    for one in MANIFESTS:
        kubernetes_validate.validate(one, "1.31", strict=True)


def test_pods_admit_only_what_is_meant_for_others() -> None:
    policies = {
        one["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]: one["spec"]
        for one in MANIFESTS
        if one["kind"] == "NetworkPolicy"
    }
    admitted = {
        name: {port["port"]: "from" in rule for rule in one["ingress"] for port in rule["ports"]}
        for name, one in policies.items()
    }
    # only the proxy is for everybody
    assert admitted == {"postgres": {"postgres": True}, "server": {"proxy": False, "metrics": True}}


@pytest.mark.parametrize("name", sorted(PODS))
def test_pods_are_confined(name: str) -> None:
    """As Kubernetes' standard for pods "restricted" requires."""
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in [*pod.get("initContainers", ()), *pod["containers"]]:
        context = one["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in one["resources"]["limits"]
        assert not any("PASSWORD" in str(e.get("value", "")) for e in one.get("env", ()))


def test_images_users_and_mounts_agree() -> None:
    """Compose file, manifests and Dockerfiles name the same users, images and volumes."""
    for name in PODS:
        service = COMPOSE["services"][name]
        pod = PODS[name]
        main = pod["containers"][0]
        assert main["image"] == service["image"].replace("${KM3VO_VERSION:-", "").rstrip("}")
        assert f"{pod['securityContext']['runAsUser']}" == service["user"].split(":")[0]
        kind = main["image"].split("km3vo-")[1].split(":")[0]
        text = (DOCKER / f"{kind}.Dockerfile").read_text("utf-8")
        assert f"USER {service['user']}" in text
        mounted = {one["mountPath"] for one in main["volumeMounts"]}
        for volume in service.get("volumes", ()):
            assert volume.split(":")[1] in mounted


def test_versions_are_those_of_the_software() -> None:
    """A new release of the software changes the tags of images with it."""
    texts = [path.read_text("utf-8") for path in (DOCKER / "kubernetes").glob("*.yaml")]
    texts.append((DOCKER / "compose.yaml").read_text("utf-8"))
    found = {tag for text in texts for tag in re.findall(r"km3vo-\w+:(?:\$\{\w+:-)?([\d.]+)", text)}
    assert found == {__version__}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_dockerfiles_follow_the_rules(path: Path) -> None:
    """The rules of Hadolint that apply here, because it is not in the package registries."""
    text = re.sub(r"\\\n", " ", path.read_text("utf-8"))
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    words = [(one[0], one[1]) for one in lines]
    names = [name for name, _ in words]
    assert names == [name.upper() for name in names]
    assert not {"ADD", "MAINTAINER"} & set(names)  # DL3020, DL4000
    assert next(rest for name, rest in reversed(words) if name == "USER").split(":")[0] != "root"
    for name, rest in words:
        if name == "RUN":
            script = re.sub(r"^--mount=\S+\s+", "", rest)
            assert script.startswith("set -eu;")  # DL4006 and errors in the middle
            assert "sudo" not in script.split()  # DL3004
            assert not re.search(r"apt-get (dist-)?upgrade|\bapt install", script)  # DL3005, DL3027
            if "apt-get install" in script:
                assert "--yes --no-install-recommends" in script  # DL3014, DL3015
        if name == "WORKDIR":
            assert rest.startswith("/")  # DL3000
        if name in ("CMD", "ENTRYPOINT", "VOLUME"):
            assert isinstance(json.loads(rest), list)  # DL3025
        if name == "FROM":
            assert rest.split()[0] in ("$BASE",) or rest.split()[0].startswith("$")
    labels = {
        label for name, rest in words if name == "LABEL" for label in re.findall(r"(\S+)=", rest)
    }
    wanted = ("title", "description", "licenses", "vendor", "version", "revision", "created")
    assert {f"org.opencontainers.image.{one}" for one in wanted} <= labels


def test_context_has_only_what_a_node_needs() -> None:
    """Nothing gets into an image that is not named: no data, secrets, tests, history."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {rule[1:].split("/")[0] for rule in rules if rule.startswith("!")}
    assert not {".git", "var", ".venv", "tests", "build"} & named
    secrets = [rule for rule in rules if rule.startswith("!") and "secret" in rule]
    assert secrets == []
    # what was delivered and is not in the repository, because it may be under an embargo
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    inputs = [line for line in ignored if line.lstrip("!").startswith("inputs/")]
    after = rules[rules.index("!inputs") + 1 :]
    assert [rule for rule in after if rule.lstrip("!").startswith("inputs/")] == inputs
    assert rules[-1] == "**/*.egg-info"


def test_bill_of_materials_of_this_machine_is_valid() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docker" / "sbom.py", "/", "machine", "1.0", "1700000000"],
        capture_output=True,
        text=True,
        check=True,
    )
    bill = json.loads(done.stdout)
    assert bill["bomFormat"] == "CycloneDX"
    assert any(one["purl"].startswith("pkg:deb/debian/python3@") for one in bill["components"])
    assert bill["metadata"]["timestamp"].startswith("2023-11-14")
