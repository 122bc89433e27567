"""What the packages say of their own contents, by the rules of SPDX 2.3, and
whether it is true."""
import copy
import glob
import hashlib
import json
import os
import re

import pytest

from packages import call, files

RELATIONS = {"DESCRIBES", "CONTAINS", "DYNAMIC_LINK", "BUILD_TOOL_OF"}
HEX = {"SHA1": 40, "SHA256": 64}


def faults(doc):
    """Everything that SPDX 2.3 asks of a JSON document and isn't so."""
    bad = []

    def want(ok, what):
        if not ok:
            bad.append(what)

    def text(where, value):
        want(isinstance(value, str) and value, f"{where}: no text")

    want(doc.get("spdxVersion") == "SPDX-2.3", "spdxVersion")
    want(doc.get("dataLicense") == "CC0-1.0", "dataLicense")
    want(doc.get("SPDXID") == "SPDXRef-DOCUMENT", "SPDXID")
    text("name", doc.get("name"))
    namespace = doc.get("documentNamespace", "")
    want(re.fullmatch(r"[a-z][a-z0-9+.-]*:[^\s#]+", namespace),
         "documentNamespace: an absolute URI without a fragment")
    info = doc.get("creationInfo", {})
    want(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                      info.get("created", "")), "created")
    want(info.get("creators") and all(
        re.match("(Person|Organization|Tool): .", c)
        for c in info["creators"]), "creators")
    ids = [e.get("SPDXID", "") for k in ("packages", "files")
           for e in doc.get(k, [])]
    want(len(ids) == len(set(ids)), "SPDXID twice")
    for i in ids:
        want(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", i), f"SPDXID {i}")
    for p in doc.get("packages", []):
        package(p, want, text)
    for f in doc.get("files", []):
        text("fileName", f.get("fileName"))
        want(f.get("fileName", "").startswith("./"), "fileName: relative")
        sums = {c.get("algorithm"): c.get("checksumValue", "")
                for c in f.get("checksums", [])}
        want("SHA1" in sums, "a file has no SHA1")
        for name, value in sums.items():
            want(re.fullmatch(r"[0-9a-f]{%d}" % HEX.get(name, 0), value),
                 f"{name} of {f.get('fileName')}")
    known = set(ids) | {"SPDXRef-DOCUMENT"}
    for r in doc.get("relationships", []):
        want(r.get("relationshipType") in RELATIONS, "relationshipType")
        want(r.get("spdxElementId") in known and
             r.get("relatedSpdxElement") in known, f"leads nowhere: {r}")
    want(any(r.get("relationshipType") == "DESCRIBES" and
             r.get("spdxElementId") == "SPDXRef-DOCUMENT"
             for r in doc.get("relationships", [])), "describes nothing")
    return bad


def package(p, want, text):
    for key in ("name", "versionInfo", "downloadLocation"):
        text(key, p.get(key))
    code = p.get("packageVerificationCode", {}).get(
        "packageVerificationCodeValue", "")
    if p.get("filesAnalyzed", True):
        want(re.fullmatch("[0-9a-f]{40}", code), "packageVerificationCode")
    else:
        want(not code, "a verification code without files")
    for ref in p.get("externalRefs", []):
        want(ref.get("referenceCategory") == "PACKAGE-MANAGER" and
             ref.get("referenceType") == "purl" and
             re.match(r"pkg:(deb|rpm)/[^/]+/[^@]+@[^?]+\?arch=",
                      ref.get("referenceLocator", "")), "externalRefs")


def load(root):
    path, = glob.glob(root + "/usr/share/doc/*/*.spdx.json")
    with open(path, encoding="utf-8") as f:
        return path, json.load(f)


@pytest.fixture(params=["tocsin", "libstackflow0", "libstackflow-dev",
                        "tocsin.rpm", "libstackflow.rpm",
                        "libstackflow-devel.rpm"])
def package_root(request):
    name, _, kind = request.param.partition(".")
    return request.getfixturevalue(
        "unpacked_rpm" if kind else "unpacked")[name]


def test_it_keeps_spdx_s_rules(package_root):
    assert faults(load(package_root)[1]) == []


def test_it_tells_of_each_file(package_root):
    path, doc = load(package_root)
    told = {f["fileName"][1:]: f for f in doc["files"]}
    there = {p for p in files(package_root)
             if not os.path.islink(package_root + p)}
    there.remove(path[len(package_root):])
    assert set(told) == there
    for name, entry in told.items():
        with open(package_root + name, "rb") as f:
            data = f.read()
        for c in entry["checksums"]:
            assert c["checksumValue"] == hashlib.new(
                c["algorithm"].lower(), data).hexdigest(), name
    sums = "".join(sorted(hashlib.sha1(open(
        package_root + n, "rb").read()).hexdigest() for n in told))
    assert doc["packages"][0]["packageVerificationCode"][
        "packageVerificationCodeValue"] == \
        hashlib.sha1(sums.encode()).hexdigest()


def test_it_tells_what_tocsin_is_linked_with(unpacked, unpacked_rpm):
    for root in unpacked["tocsin"], unpacked_rpm["tocsin"]:
        needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", call(
            "readelf", "-d", root + "/usr/bin/tocsin").stdout))
        doc = load(root)[1]
        linked = {r["relatedSpdxElement"] for r in doc["relationships"]
                  if r["relationshipType"] == "DYNAMIC_LINK"}
        told = {s for p in doc["packages"] if p["SPDXID"] in linked
                for s in p["comment"].removeprefix("linked: ").split(", ")}
        assert told == needed and len(told) > 6
        versions = {p["name"]: p["versionInfo"] for p in doc["packages"]
                    if p["SPDXID"] in linked}
        if "libssl3" in versions:
            assert versions["libssl3"] == call(
                "dpkg-query", "-W", "-f", "${Version}", "libssl3").stdout
        assert any(r["relationshipType"] == "BUILD_TOOL_OF"
                   for r in doc["relationships"])


def test_the_checker_finds_what_is_wrong(unpacked):
    good = load(unpacked["libstackflow0"])[1]

    def broken(change):
        doc = copy.deepcopy(good)
        change(doc)
        return faults(doc)

    assert broken(lambda d: d.pop("documentNamespace"))
    assert broken(lambda d: d.update(documentNamespace="urn:x#y"))
    assert broken(lambda d: d["creationInfo"].pop("created"))
    assert broken(lambda d: d["files"][0]["checksums"].pop(0))
    assert broken(lambda d: d["files"].append(d["files"][0]))
    assert broken(lambda d: d["files"][0].update(SPDXID="SPDXRef-a b"))
    assert broken(lambda d: d["relationships"][0].update(
        relatedSpdxElement="SPDXRef-nobody"))
    assert broken(lambda d: d["packages"][0].pop("packageVerificationCode"))
    assert broken(lambda d: d["packages"][1].pop("downloadLocation"))
    assert broken(lambda d: d.update(relationships=[]))
