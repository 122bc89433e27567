"""Dead letters of a queue: judged again on request, or dropped."""
import json

from test_sqs import scene  # noqa: F401


def retry(agent, letter):
    return agent.cli("dead", "retry", str(letter["id"]), check=False)


def test_a_dead_letter_is_judged_again(scene):  # noqa: F811
    agent = scene.start(conf={"sns": {
        "topics": ["arn:aws:sns:us-east-1:999922223333:x"]}})
    scene.queue.send(scene.envelope("later-allowed"))
    forged = json.loads(scene.envelope("forged"))
    forged["Message"] = "x\"y"
    scene.queue.send(json.dumps(forged))
    scene.settle()
    dead = agent.get("/api/v1/dead")["dead"]
    assert len(dead) == 2
    for d in dead:
        assert d["kind"] == "rejected" and d["body"]
        assert "topic" in d["problem"]
    good = next(d for d in dead if "later-allowed" in d["body"])
    bad = next(d for d in dead if d is not good)
    r = retry(agent, good)
    assert r.returncode == 1 and "topic" in r.stderr

    with open(agent.path) as f:
        conf = json.load(f)
    conf["sns"]["topics"] = ["arn:aws:sns:us-east-1:*:*"]
    with open(agent.path, "w") as f:
        json.dump(conf, f)
    agent.admin.call("POST", "/-/reload", None,
                     {"Authorization": "Bearer admin-token"})
    r = retry(agent, good)
    assert r.returncode == 0, r
    r = retry(agent, bad)
    assert r.returncode == 1 and "signature" in r.stderr, r
    agent.settle()
    (i,) = scene.sandbox.incidents()
    assert i["short_description"].endswith("later-allowed")
    assert agent.cli("dead", "drop", str(bad["id"])).returncode == 0
    assert agent.get("/api/v1/dead")["dead"] == []
    assert scene.metric("tocsin_dead_letters") == 0
