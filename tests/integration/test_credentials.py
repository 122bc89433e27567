"""Where AWS's keys come from: each provider end to end through the shipped
binary. Whether it signed with the right ones is seen by who checks them."""
import json
import os
import stat
import time

import aws
import metadata
import peers
import pytest

RECEIVE = "ReceiveMessage"


class Renewed:
    """Keys of a list that may grow, but for the first."""

    def __init__(self, issued):
        self.issued = issued

    def __contains__(self, key):
        return key in self.issued[1:]


class Scene:
    """A queue, an agent whose aws: names no keys, and a clean environment."""

    def __init__(self, cloud, make_agent, sandbox, folder):
        self.cloud, self.make_agent, self.sandbox = cloud, make_agent, sandbox
        self.front, self.keys, self.folder = cloud.front, cloud.keys, folder
        self.queue = cloud.queue()
        self.sts = aws.Sts(self.keys)
        self.front.services["sts"] = self.sts
        self.agent = None

    def start(self, env=None, start=True, **aws_conf):
        conf = self.cloud.conf(aws={
            "region": self.front.region, "endpoint_url": self.front.url,
            "reconcile": "off", **aws_conf})
        self.signer = peers.Signer(self.sandbox)
        self.agent = self.make_agent(conf=conf, env=env, start=start)
        return self.agent

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def profiles(self, config="", credentials=""):
        return {"AWS_CONFIG_FILE": self.file("config", config),
                "AWS_SHARED_CREDENTIALS_FILE":
                    self.file("credentials", credentials)}

    def works(self, by=None, seconds=30):
        """An alarm comes through, and the polls are signed by this key, or
        one of these (a list that may grow meanwhile)."""
        before = len(self.sandbox.incidents())
        since = time.monotonic()
        self.queue.send(self.signer.envelope(peers.alarm(f"a-{time.time()}")))
        self.queue.wait_empty(seconds)
        self.agent.settle()
        assert len(self.sandbox.incidents()) == before + 1
        # What brought it may have been asked for before a renewal.
        good = [by] if isinstance(by, str) else by
        if good is not None:
            peers.wait_for("a poll by these keys",
                           lambda: self.signed(since) in good)

    def signed(self, since):
        """Who signed the last good poll that began later than that."""
        keys = [r.key for r in self.front.seen(RECEIVE, status=200)
                if r.time > since]
        return keys[-1] if keys else None

    def text(self):
        return self.agent.process.text()

    def no_secret_told(self):
        text = self.text() + json.dumps(self.agent.get("/api/v1/status"))
        for secret in self.keys.secrets():
            assert secret not in text

    def says(self, *words):
        """One line of the log has all these words."""
        lines = self.text().splitlines()
        return [line for line in lines
                if all(w.lower() in line.lower() for w in words)]


@pytest.fixture
def scene(cloud, make_agent, sandbox, folder):
    return Scene(cloud, make_agent, sandbox, folder)


@pytest.fixture
def endpoint(servers):
    def make(kind, *args, **kw):
        e = kind(*args, **kw)
        servers(e.stop)
        return e

    return make


def static_env(key):
    out = {"AWS_ACCESS_KEY_ID": key["id"],
           "AWS_SECRET_ACCESS_KEY": key["secret"]}
    if key["token"]:
        out["AWS_SESSION_TOKEN"] = key["token"]
    return out


def instance_env(instance):
    return {"AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url}


def container_env(container, token_file=None):
    out = {"AWS_CONTAINER_CREDENTIALS_FULL_URI":
           container.url + container.PATH}
    if token_file:
        out["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = token_file
    return out


# ---- each provider ----

def test_from_the_configuration(scene):
    key, other = scene.keys.new("ASIA", token=True), scene.keys.new()
    scene.start(env=static_env(other), access_key_id=key["id"],
                secret_access_key=key["secret"], session_token=key["token"])
    scene.works(key["id"])
    assert scene.says("credentials", "configuration")
    scene.no_secret_told()


def test_from_the_environment(scene):
    key = scene.keys.new("ASIA", token=True)
    scene.start(env=static_env(key))
    scene.works(key["id"])
    assert scene.says("credentials", "environment")
    scene.no_secret_told()


def test_half_a_pair_is_told(scene):
    key = scene.keys.new()
    scene.start(env={"AWS_ACCESS_KEY_ID": key["id"]})
    peers.wait_for("words", lambda: scene.says("AWS_SECRET_ACCESS_KEY"))
    assert scene.front.count() == 0


def test_by_web_identity(scene):
    scene.sts.token = "eyJhbGciOiJSUzI1NiJ9.first.token"
    scene.sts.life = 8
    path = scene.file("token", scene.sts.token)
    scene.start(env={
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/tocsin",
        "AWS_WEB_IDENTITY_TOKEN_FILE": path,
        "AWS_ROLE_SESSION_NAME": "tocsin-test"})
    scene.works(scene.sts.issued)
    call = scene.sts.calls[0]
    assert call["Action"] == "AssumeRoleWithWebIdentity"
    assert call["RoleArn"].endswith("role/tocsin")
    assert call["RoleSessionName"] == "tocsin-test"
    assert scene.sts.signers[0] is None, "it is unsigned"
    assert scene.says("credentials", "web identity")
    # The kubelet turns the token; it is read again for each renewal.
    scene.sts.token = "eyJhbGciOiJSUzI1NiJ9.second.token"
    scene.file("token", scene.sts.token + "\n")
    before = len(scene.sts.issued)
    peers.wait_for("a renewal", lambda: len(scene.sts.issued) > before, 20)
    scene.works()
    assert "eyJhbGciOi" not in scene.text()
    scene.no_secret_told()


def test_web_identity_refused_is_told_and_not_hammered(scene):
    scene.sts.token = "good"
    path = scene.file("token", "bad")
    scene.start(env={
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/tocsin",
        "AWS_WEB_IDENTITY_TOKEN_FILE": path})
    peers.wait_for("words", lambda: scene.says("InvalidIdentityToken"))
    time.sleep(3)
    assert len(scene.sts.calls) <= 4
    assert scene.front.count(RECEIVE) == 0
    assert scene.agent.admin.call("GET", "/healthz")[0] == 200


def test_from_a_named_profile(scene):
    key, default = scene.keys.new(), scene.keys.new()
    env = scene.profiles(credentials=f"""
[default]
aws_access_key_id = {default['id']}
aws_secret_access_key = {default['secret']}

; another
[alarms]
aws_access_key_id={key['id']}
aws_secret_access_key = {key['secret']}
""")
    scene.start(env=env, profile="alarms")
    scene.works(key["id"])
    assert scene.says("credentials", "profile")
    scene.no_secret_told()


def test_by_aws_profile_in_the_environment(scene):
    key = scene.keys.new()
    env = scene.profiles(credentials=f"""[ops]
aws_access_key_id = {key['id']}
aws_secret_access_key = {key['secret']}
""", config="[profile ops]\nregion = eu-west-1\n")
    scene.start(env=dict(env, AWS_PROFILE="ops"))
    scene.works(key["id"])


def test_a_profile_assumes_a_role_by_a_source_profile(scene):
    key = scene.keys.new()
    scene.sts.external_id = "ticket-42"
    env = scene.profiles(config="""
[profile tocsin]
role_arn = arn:aws:iam::111122223333:role/tocsin
source_profile = base
external_id = ticket-42
role_session_name = tocsin-prod
duration_seconds = 1800
""", credentials=f"""[base]
aws_access_key_id = {key['id']}
aws_secret_access_key = {key['secret']}
""")
    scene.start(env=env, profile="tocsin")
    scene.works(scene.sts.issued)
    (call,) = scene.sts.calls
    assert call["Action"] == "AssumeRole"
    assert call["RoleSessionName"] == "tocsin-prod"
    assert call["DurationSeconds"] == "1800"
    assert scene.sts.signers == [key["id"]]
    scene.no_secret_told()


def test_a_profile_assumes_a_role_by_a_credential_source(scene, endpoint):
    container = endpoint(metadata.Container, scene.keys)
    env = scene.profiles(config="""
[profile tocsin]
role_arn = arn:aws:iam::111122223333:role/tocsin
credential_source = EcsContainer
""")
    scene.start(env={**env, **container_env(container)}, profile="tocsin")
    scene.works(scene.sts.issued)
    assert scene.sts.signers == [container.issued[0]]


def test_a_role_that_denies_is_told(scene):
    key = scene.keys.new()
    scene.sts.external_id = "ticket-42"
    env = scene.profiles(f"""
[profile tocsin]
role_arn = arn:aws:iam::111122223333:role/tocsin
source_profile = tocsin
aws_access_key_id = {key['id']}
aws_secret_access_key = {key['secret']}
""")
    scene.start(env=env, profile="tocsin")
    peers.wait_for("words", lambda: scene.says("AccessDenied"))
    scene.no_secret_told()


def process_profile(scene, answer, mode=0o700):
    script = scene.file("helper", "#!/bin/sh\ncat <<'END'\n"
                        f"{json.dumps(answer)}\nEND\n", mode)
    return scene.profiles(f"[profile tocsin]\ncredential_process = {script}"
                          " --for tocsin\n")


def test_a_credential_process_runs_only_where_allowed(scene):
    key = scene.keys.new("ASIA", 3600, token=True)
    env = process_profile(scene, {
        "Version": 1, "AccessKeyId": key["id"],
        "SecretAccessKey": key["secret"], "SessionToken": key["token"],
        "Expiration": metadata.stamp(key["expires"])})
    scene.start(env=env, profile="tocsin")
    peers.wait_for("words", lambda: scene.says("credential_process"))
    assert scene.front.count() == 0
    scene.agent.stop()
    scene.agent.configure(dict(scene.agent.conf, aws=dict(
        scene.agent.conf["aws"], credential_process=True)))
    scene.agent.start()
    scene.works(key["id"])
    scene.no_secret_told()


@pytest.mark.parametrize("with_file", [False, True], ids=["open", "eks"])
def test_from_a_container(scene, endpoint, with_file):
    container = endpoint(metadata.Container, scene.keys)
    token_file = None
    if with_file:
        container.token = "eyJ.first"
        token_file = scene.file("pod-token", container.token)
    container.life = 8
    container.fail = 1
    scene.start(env=container_env(container, token_file))
    scene.works()
    assert scene.says("credentials", "container")
    if with_file:
        container.token = "eyJ.second"
        scene.file("pod-token", container.token)
    before = len(container.issued)
    peers.wait_for("a renewal", lambda: len(container.issued) > before, 20)
    scene.works(Renewed(container.issued))
    assert "eyJ." not in scene.text()
    scene.no_secret_told()


def test_a_container_by_its_relative_uri(scene, endpoint):
    """169.254.170.2 is nowhere here: a connect_to says where it is."""
    container = endpoint(metadata.Container, scene.keys)
    scene.start(start=False,
                env={"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI":
                     container.PATH})
    agent = scene.agent
    agent.configure(dict(agent.conf, network=dict(
        agent.conf["network"], connect_to=agent.conf["network"]["connect_to"]
        + [f"169.254.170.2:80:127.0.0.1:{container.port}"])))
    agent.start()
    scene.works(container.issued)


@pytest.mark.parametrize("uri,word", [
    ("http://192.0.2.7/creds", "192.0.2.7"),
    ("ftp://127.0.0.1/creds", "ftp")], ids=["far", "scheme"])
def test_a_container_uri_that_may_not_be(scene, uri, word):
    scene.start(env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri})
    peers.wait_for("words", lambda: scene.says(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"))
    assert scene.front.count() == 0


def test_from_the_instance(scene, endpoint):
    instance = endpoint(metadata.Instance, scene.keys)
    scene.start(env=instance_env(instance))
    scene.works(instance.issued)
    assert scene.says("credentials", "instance")
    assert all(m == "PUT" or "x-aws-ec2-metadata-token" in h
               for m, _, h in instance.requests), "never IMDSv1"
    scene.no_secret_told()


def test_the_instances_region(scene, endpoint):
    instance = endpoint(metadata.Instance, scene.keys, region="eu-west-1")
    scene.front.region = "eu-west-1"
    scene.start(env=instance_env(instance), region=None)
    # The queue's own URL may name another: the signature goes by it.
    peers.wait_for("a poll", lambda: scene.front.count(RECEIVE))


def test_a_session_of_imds_never_falls_back_to_version_1(scene, endpoint):
    instance = endpoint(metadata.Instance, scene.keys)
    instance.mode = "v1"
    scene.start(env=instance_env(instance))
    peers.wait_for("words", lambda: scene.says("instance"))
    assert instance.count("GET") == 0
    assert scene.front.count() == 0


@pytest.mark.parametrize("mode,words", [
    ("hop_limit", ["hop limit"]), ("no_role", ["role"]),
    ("off", ["403"]), ("failed", ["AssumeRoleUnauthorizedAccess"]),
    ("garbage", ["instance"]), ("redirect", ["instance"])])
def test_instances_that_give_nothing_are_told(scene, endpoint, mode, words):
    instance = endpoint(metadata.Instance, scene.keys)
    instance.mode = mode
    scene.start(env=instance_env(instance))
    peers.wait_for("words", lambda: scene.says(*words))
    assert not instance.count(path="/elsewhere")
    assert scene.front.count() == 0
    # A machine that can't ask AWS still takes what comes by HTTPS.
    assert scene.agent.post(scene.signer.envelope(peers.alarm())) == 200
    time.sleep(2)
    assert instance.count() <= 12


def test_an_instance_that_recovers_is_found(scene, endpoint):
    instance = endpoint(metadata.Instance, scene.keys)
    instance.mode = "failed"
    scene.start(env=instance_env(instance))
    peers.wait_for("words",
                   lambda: scene.says("AssumeRoleUnauthorizedAccess"))
    instance.mode = "ok"
    scene.works(seconds=90)


def test_no_proxy_for_metadata(scene, endpoint):
    """A proxy of the environment would be handed the keys."""
    instance = endpoint(metadata.Instance, scene.keys)
    proxy = endpoint(metadata.Instance, scene.keys)
    env = dict(instance_env(instance), http_proxy=proxy.url,
               HTTP_PROXY=proxy.url, all_proxy=proxy.url,
               no_proxy="", NO_PROXY="")
    scene.start(env=env)
    peers.wait_for("keys", lambda: instance.issued)
    assert not proxy.issued and not proxy.count("PUT")


# ---- the order, and who won ----

def test_what_is_set_up_and_fails_is_not_passed_by(scene, endpoint):
    """As AWS's SDKs: a container whose endpoint refuses doesn't become the
    machine that it runs on. The log says so, and it goes on trying."""
    instance = endpoint(metadata.Instance, scene.keys)
    container = endpoint(metadata.Container, scene.keys)
    container.token = "right"               # 401 for whoever brings another
    path = scene.file("token", "wrong")
    scene.start(env={**instance_env(instance),
                     **container_env(container, path)})
    peers.wait_for("words", lambda: scene.says("container", "401"))
    assert scene.says("environment", "AWS_ACCESS_KEY_ID")
    scene.file("token", "right")
    scene.works(container.issued, seconds=90)
    assert not instance.requests


def test_the_environment_goes_before_container_and_instance(scene, endpoint):
    instance = endpoint(metadata.Instance, scene.keys)
    container = endpoint(metadata.Container, scene.keys)
    key = scene.keys.new()
    scene.start(env={**static_env(key), **container_env(container),
                     **instance_env(instance)})
    scene.works(key["id"])
    assert not container.issued and not instance.issued


def test_without_any_keys_every_provider_is_named(scene):
    agent = scene.start()
    peers.wait_for("words", lambda: scene.says("credentials"))
    assert scene.front.count() == 0
    status = peers.wait_for("status", lambda: json.dumps(
        agent.get("/api/v1/status")["sqs"]
        if "sqs" in agent.get("/api/v1/status") else ""))
    assert status
    assert agent.admin.call("GET", "/healthz")[0] == 200


# ---- renewal ----

def test_an_expired_token_forces_one_renewal(scene, endpoint):
    container = endpoint(metadata.Container, scene.keys)
    scene.start(env=container_env(container))
    scene.works()
    assert len(container.issued) == 1
    # AWS forgets them before their time.
    scene.keys.known[container.issued[0]]["expired"] = True
    scene.works(Renewed(container.issued))
    assert len(container.issued) == 2
    refused = scene.front.seen(code="ExpiredTokenException")
    assert 1 <= len(refused) <= 2
    scene.no_secret_told()


def test_several_pollers_share_one_renewal(scene, endpoint):
    container = endpoint(metadata.Container, scene.keys)
    scene.start(start=False, env=container_env(container))
    queues = [dict(q, concurrency=4) for q in scene.agent.conf["sqs"]]
    scene.agent.configure(dict(scene.agent.conf, sqs=queues))
    scene.agent.start()
    peers.wait_for("four polls", lambda: len(scene.front.open_polls()) == 4)
    scene.keys.known[container.issued[0]]["expired"] = True
    scene.works()
    assert len(container.issued) == 2


def test_old_keys_serve_while_a_renewal_fails(scene, endpoint):
    """From 15 minutes before its end a renewal is due; until then it works."""
    container = endpoint(metadata.Container, scene.keys)
    container.life = 600                    # inside the 15 minutes at once
    scene.start(env=container_env(container))
    scene.works()
    first = list(container.issued)
    container.fail = 1000
    scene.works(first)
    asked = container.count()
    time.sleep(3)
    assert container.count() - asked <= 6, "an eager renewal that fails spins"


def test_a_renewal_that_cannot_help_does_not_loop(scene, endpoint):
    container = endpoint(metadata.Container, scene.keys)
    scene.front.fault("expired_token", RECEIVE, count=None)
    scene.start(env=container_env(container))
    peers.wait_for("the refusal", lambda: scene.front.count(RECEIVE))
    time.sleep(4)
    assert len(container.issued) <= 5
    assert scene.front.count(RECEIVE) <= 10


# ---- files ----

def test_an_open_credentials_file_is_no_reason_to_stop(scene):
    key = scene.keys.new()
    env = scene.profiles(credentials=f"""[ops]
aws_access_key_id = {key['id']}
aws_secret_access_key = {key['secret']}
""")
    os.chmod(env["AWS_SHARED_CREDENTIALS_FILE"], 0o644)
    assert stat.S_IMODE(os.stat(
        env["AWS_SHARED_CREDENTIALS_FILE"]).st_mode) == 0o644
    scene.start(env=env, profile="ops")
    scene.works(key["id"])


@pytest.mark.parametrize("config,words", [
    ("[profile tocsin]\nmfa_serial = arn:aws:iam::1:mfa/x\n"
     "role_arn = arn:aws:iam::111122223333:role/r\n"
     "source_profile = tocsin\n", ["mfa"]),
    ("[profile tocsin]\nsso_session = corp\nsso_account_id = 1\n", ["sso"]),
    ("[profile other]\nregion = us-east-1\n", ["tocsin"]),
    ("[profile a]\nrole_arn = arn:aws:iam::111122223333:role/r\n"
     "source_profile = tocsin\n[profile tocsin]\n"
     "role_arn = arn:aws:iam::111122223333:role/r\nsource_profile = a\n",
     ["source_profile"])], ids=["mfa", "sso", "missing", "circle"])
def test_profiles_that_cannot_serve_are_told(scene, config, words):
    scene.start(env=scene.profiles(config), profile="tocsin")
    peers.wait_for("words", lambda: scene.says(*words))
    assert scene.front.count(RECEIVE) == 0
