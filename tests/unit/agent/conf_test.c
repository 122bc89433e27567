#include "conf_rig.h"

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	const struct conf *c = loads(f, LEAST);

	assert_int_equal(f->faults.count, 0);
	assert_string_equal(c->folder, f->folder);
	assert_int_equal(c->listener_count, 1);
	assert_string_equal(c->sns.path, "/sns");
	assert_int_equal(c->sns.topic_count, 0);
	assert_null(c->sns.topics[0]);
	assert_true(c->sns.confirm);
	assert_int_equal(c->sns.max_age_ms, 75 * 60000);
	assert_int_equal(c->sns.min_signature_version, 1);
	assert_int_equal(c->stackflow.requests_per_second, 80);
	assert_int_equal(c->stackflow.concurrency, 32);
	assert_int_equal(c->stackflow.timeout_ms, 15000);
	assert_int_equal(c->stackflow.settle_ms, 30000);
	assert_int_equal(c->stackflow.filter_count, 3);
	assert_int_equal(c->stackflow.fallback.after_ms, 300000);
	assert_true(c->stackflow.fallback.priority[1]);
	assert_true(c->stackflow.fallback.priority[2]);
	assert_false(c->stackflow.fallback.priority[3]);
	assert_string_equal(c->store.url, "sqlite:/var/lib/tocsin/tocsin.db");
	assert_int_equal(c->store.retain_ms, INT64_C(30) * 86400000);
	assert_int_equal(c->store.max_size, UINT64_C(4) << 30);
	assert_string_equal(c->rules[0], "/etc/tocsin/rules.d");
	assert_false(c->rules_given);
	assert_string_equal(c->install_key, in(f, "install.key"));
	assert_string_equal(c->admin.address, "127.0.0.1:9464");
	assert_string_equal(c->admin.hosts[0], "localhost");
	assert_int_equal(c->web.connections, 4096);
	assert_int_equal(c->web.per_address, 0);
	assert_int_equal(c->web.header_bytes, 16 << 10);
	assert_int_equal(c->web.header_count, 64);
	assert_int_equal(c->web.body, 2 << 20);
	assert_int_equal(c->web.handshake_ms, 5000);
	assert_int_equal(c->web.headers_ms, 5000);
	assert_int_equal(c->web.body_ms, 10000);
	assert_int_equal(c->web.idle_ms, 60000);
	assert_null(c->network.connect_to[0]);
	assert_int_equal(c->log.level, CONF_LOG_INFO);
	assert_int_equal(c->log.format, CONF_LOG_AUTO);
}

static void test_every_key(void **state)
{
	struct fixture *f = *state;
	const struct conf *c;

	write_file(f, "cert.pem", "x");
	write_file(f, "key.pem", "x");
	c = loads(
		f,
		"listen:\n"
		"  - address: \"[::]:8443\"\n"
		"    tls: {certificate: cert.pem, key: key.pem}\n"
		"  - {address: \"0.0.0.0:80\", plain: true}\n"
		"  - {socket: http}\n"
		"sns: {path: /in, topics: [\"arn:aws:sns:us-east-1:"
		"111122223333:a-*\"], confirm: false, max_age: 2h, "
		"min_signature_version: 2, basic_auth: {user: u, "
		"password: p}}\n"
		"sqs: []\n"
		"aws: {region: eu-west-1, profile: x, reconcile: off,\n"
		"  endpoint_url: \"http://127.0.0.1:4566\", "
		"credential_process: true}\n"
		"stackflow:\n"
		"  base_url: https://sf.example/api//\n"
		"  auth: {method: client_credentials, client_id: i, "
		"client_secret: s, scope: x, token_url: \"https://t/x\"}\n"
		"  requests_per_second: 200\n"
		"  timeout: 3s\n"
		"  settle: 10ms\n"
		"  cmdb: {filters: {arn: aws_arn, hostname: host}}\n"
		"  changes: {ci: cmdb_ci}\n"
		"  fallback: {after: 1m, priority: [P3], webhook: null, "
		"sns: null}\n"
		"store: {url: \"sqlite:db/x.db\", retain: 1d, max_size: 8MiB}\n"
		"rules: [rules.d, /abs]\n"
		"install_key: keys/k\n"
		"admin: {address: \"unix:/run/x.sock\", hosts: []}\n"
		"web: {body: 64KiB, idle: 250ms}\n"
		"network: {proxy: \"http://p:3128\", connect_to: "
		"[\"a:1:b:2\"]}\n"
		"self_alerts: P2\n"
		"log: {level: debug, format: json}\n");
	assert_string_equal(c->listeners[0].key, in(f, "key.pem"));
	assert_true(c->listeners[1].plain);
	assert_string_equal(c->listeners[2].socket, "http");
	assert_string_equal(c->sns.topics[0],
			    "arn:aws:sns:us-east-1:111122223333:a-*");
	assert_null(c->sns.topics[1]);
	assert_int_equal(c->self_alerts, 2);
	assert_string_equal(c->sns.password, "p");
	assert_int_equal(c->sns.min_signature_version, 2);
	assert_true(c->aws.credential_process);
	assert_string_equal(c->stackflow.base_url, "https://sf.example/api");
	assert_int_equal(c->stackflow.auth.method, SF_AUTH_CLIENT_CREDENTIALS);
	assert_string_equal(c->stackflow.auth.scope, "x");
	assert_int_equal(c->stackflow.settle_ms, 10);
	assert_int_equal(c->stackflow.filter_count, 4);
	assert_string_equal(c->stackflow.filters[0].parameter, "aws_arn");
	assert_string_equal(c->stackflow.changes_ci, "cmdb_ci");
	assert_false(c->stackflow.fallback.priority[1]);
	assert_true(c->stackflow.fallback.priority[3]);
	assert_true(strlen(c->store.url) > 20);
	assert_string_equal(c->store.url + strlen("sqlite:"), in(f, "db/x.db"));
	assert_true(c->rules_given);
	assert_string_equal(c->rules[0], in(f, "rules.d"));
	assert_string_equal(c->rules[1], "/abs");
	assert_string_equal(c->install_key, in(f, "keys/k"));
	assert_null(c->admin.hosts[0]);
	assert_int_equal(c->web.body, 64 << 10);
	assert_int_equal(c->web.idle_ms, 250);
	assert_string_equal(c->network.connect_to[0], "a:1:b:2");
	assert_int_equal(c->log.level, CONF_LOG_DEBUG);
	assert_int_equal(c->log.format, CONF_LOG_JSON);
}

static void test_references(void **state)
{
	struct fixture *f = *state;
	const struct conf *c;

	write_file(f, "hook", "from-file\n\n");
	write_file(f, "credential", "from-systemd\r\n");
	setenv("CREDENTIALS_DIRECTORY", f->folder, 1);
	setenv("CONF_TEST_RATE", "7", 1);
	c = loads(f, LISTEN
		  "webhooks: [{path: /h, token: \"a${file:hook}b\"}]\n"
		  "stackflow:\n"
		  "  base_url: https://sf.example/\n"
		  "  requests_per_second: \"${env:CONF_TEST_RATE}\"\n"
		  "  concurrency: ${env:CONF_TEST_RATE}${env:CONF_TEST_RATE}\n"
		  "  auth: {method: token, token: \"${credential:credential}\"}"
		  "\n");
	/* One newline is the file's end, the other its content. */
	assert_string_equal(c->webhooks[0].token, "afrom-file\nb");
	assert_string_equal(c->stackflow.auth.token, "from-systemd");
	assert_int_equal(c->stackflow.requests_per_second, 7);
	assert_int_equal(c->stackflow.concurrency, 77);
}

static void test_reference_faults_show_no_value(void **state)
{
	struct fixture *f = *state;

	setenv("CONF_TEST_SECRET", "canary", 1);
	refuses(f,
		LEAST "log: {level: \"${env:CONF_TEST_SECRET}\"}\n"
		      "sns: {path: \"${env:CONF_TEST_SECRET}\", topics: "
		      "[\"${env:CONF_TEST_SECRET}\"]}\n"
		      "web: {idle: \"${env:CONF_TEST_SECRET}\", body: "
		      "\"${env:CONF_TEST_SECRET}\"}\n"
		      "admin: {address: \"${env:CONF_TEST_SECRET}\"}\n"
		      "network: {ca_file: \"${env:CONF_TEST_SECRET}\"}\n"
		      "store: {url: \"${env:CONF_TEST_SECRET}\"}\n"
		      "aws: {endpoint_url: \"${env:CONF_TEST_SECRET}\"}\n",
		"${env:CONF_TEST_SECRET}");
	assert_true(f->faults.errors >= 8);
	assert_true(str_find(buf_str(&f->said), STR("canary")) < 0);
	refuses(f, LEAST "aws: {region: \"${env:CONF_TEST_UNSET}\"}\n",
		":4:15: error[unresolved]: aws.region: ${env:CONF_TEST_UNSET}: "
		"it is not set");
	refuses(f, LEAST "aws: {region: \"${file:nothing}\"}\n",
		"aws.region: ${file:nothing}: No such file");
	refuses(f, LEAST "aws: {region: \"${file:.}\"}\n",
		"not a regular file");
	refuses(f, LEAST "aws: {region: \"${credential:x}\"}\n",
		"$CREDENTIALS_DIRECTORY is not set");
	setenv("CREDENTIALS_DIRECTORY", f->folder, 1);
	refuses(f, LEAST "aws: {region: \"${credential:../x}\"}\n",
		"not a credential's name");
	refuses(f, LEAST "aws: {region: \"${evn:X}\"}\n", "expected ${env:");
	refuses(f, LEAST "aws: {region: \"${env:X\"}\n", "${ without }");
	setenv("CONF_TEST_EMPTY", "", 1);
	refuses(f, LEAST "aws: {region: \"${env:CONF_TEST_EMPTY}\"}\n",
		"aws.region: it is empty");
}

static void test_a_look_forgives_missing_secrets(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		run(f, conf_look,
		    LISTEN "webhooks: [{path: /h, token: \"${env:NO_T}\"}]\n"),
		0);
	says(f, "warning[unresolved]: webhooks[0].token");
	says(f, "warning[missing-key]: stackflow needs \"base_url\"");
	assert_null(f->conf->webhooks[0].token);
	assert_int_equal(run(f, conf_look, LEAST "lisen: 1\n"), -EINVAL);
}

static void test_all_faults_in_one_go(void **state)
{
	struct fixture *f = *state;

	refuses(f,
		"lisen: 1\n" LISTEN "webhooks:\n"
		"  - {path: /h, tokn: t}\n"
		"stackflow: {base_url: \"http://sf.example\", timeout: 5, " AUTH
		"}\n"
		"web: {body: 1, connections: 0, connections: 1}\n"
		"log: {level: warn}\n",
		"tocsin.yaml:1:1: "
		"error[unknown-key]: unknown key \"lisen\", did you mean "
		"\"listen\"?");
	says(f, ":4:16: error[unknown-key]: unknown key \"tokn\" in "
		"webhooks[0], did you mean \"token\"?");
	says(f, ":4:5: error[missing-key]: webhooks[0] needs \"token\"");
	says(f, ":5:23: error[bad-url]: stackflow.base_url: https:// is "
		"required beyond loopback");
	says(f, "stackflow.timeout: expected a duration like 30s, found \"5\"");
	says(f, "web.body: expected a size like 256KiB, found \"1\"");
	says(f, "web.connections: \"0\" is out of its range, 1 to 1000000");
	says(f, "error[duplicate-key]");
	says(f, "log.level: expected one of debug, info, warning, error");
	assert_int_equal(f->faults.errors, 9);
}

#define LINKED(link)                                                          \
	LISTEN HOOK "stackflow: {base_url: \"https://sf.example/api\", " AUTH   \
		    ", link: '" link "'}\n"

static void test_links(void **state)
{
	static const char *const good[] = {
		LINKED("https://sf.example/incident/{id}"),
		LINKED("http://10.0.0.1:8080/x?i={incident}&again={id}"),
		LINKED("https://[2001:db8::1]/#/incident/{id}"),
	};
	static const char *const bad[] = {
		LINKED("https://sf.example/incident"),
		LINKED("javascript:alert({id})"),
		LINKED("//sf.example/{id}"),
		LINKED("https://{id}.example/"),
		LINKED("https://sf.example:{id}/"),
		LINKED("https://u:p@sf.example/{id}"),
		LINKED("https://sf.example/{id}/{name}"),
		LINKED("https://sf.example/{id"),
		LINKED("https://sf.example/{id}\""),
		LINKED("https://sf.example/<{id}>"),
		LINKED("https://sf.example/ {id}"),
		LINKED("https:///{id}"),
		LINKED("https://sf.example:99999/{id}"),
	};
	struct fixture *f = *state;

	assert_null(loads(f, LEAST)->stackflow.link);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_non_null(loads(f, good[i])->stackflow.link);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(f, bad[i], "error[bad-url]: stackflow.link: ");
}

static void test_what_this_version_has_not(void **state)
{
	struct fixture *f = *state;

	refuses(f, LEAST "store: {url: \"postgresql://db/x\"}\n",
		"error[not-available]");
}

static void test_rules_of_sense(void **state)
{
	struct fixture *f = *state;

	refuses(f, HOOK STACKFLOW, "no way in");
	refuses(f, "listen: []\n" HOOK STACKFLOW, "no way in");
	refuses(f, "listen: [{}]\n" HOOK STACKFLOW, "an address or a socket");
	refuses(f, "listen: [{address: \"0.0.0.0:80\"}]\n" HOOK STACKFLOW,
		"error[insecure]");
	refuses(f,
		"listen: [{address: \"127.0.0.1.example:80\"}]\n" HOOK
			STACKFLOW,
		"error[insecure]");
	refuses(f, "listen: [{address: \"127.0.0.1\"}]\n" HOOK STACKFLOW,
		"is not HOST:PORT");
	refuses(f,
		"listen: [{address: \"[::]:1\", tls: {certificate: no, "
		"key: no}}]\n" HOOK STACKFLOW,
		"no: no such file");
	refuses(f, LISTEN STACKFLOW "webhooks: [{path: h, token: t}]\n",
		"must begin with /");
	refuses(f, LISTEN STACKFLOW "webhooks: [{path: /sns, token: t}]\n",
		"error[conflict]");
	refuses(f,
		LISTEN STACKFLOW "webhooks: [{path: /a, token: t}, "
				 "{path: /a, token: t}]\n",
		"error[conflict]");
	refuses(f, LEAST "sns: {basic_auth: {user: x}}\n",
		"sns.basic_auth needs \"password\"");
	refuses(f, LEAST "sns: {topics: [x]}\n", "error[bad-topic]");
	refuses(f, LEAST "admin: {address: \"0.0.0.0:1\"}\n",
		"every request needs admin.token");
	loads(f, LEAST "admin: {address: \"0.0.0.0:1\", token: x}\n");
	refuses(f,
		LISTEN HOOK "stackflow: {base_url: \"https://x\", "
			    "auth: {method: api_key, token: x}}\n",
		"stackflow.auth needs \"api_key\" for the method api_key");
	says(f, "stackflow.auth.token is not for the method api_key");
	refuses(f,
		LISTEN HOOK "stackflow: {base_url: \"https://u:p@x\", " AUTH
			    "}\n",
		"no user or password");
	refuses(f, "[1, 2]\n", "the file: expected a map, found a list");
	loads(f, LISTEN STACKFLOW);
	says(f, "warning[no-source]");
}

static void test_environment(void **state)
{
	struct fixture *f = *state;
	const struct conf *c;

	setenv("STACKFLOW_BASE_URL", "https://env.example/api/", 1);
	setenv("STACKFLOW_CLIENT_ID", "id", 1);
	refuses(f, LISTEN HOOK, "stackflow needs \"auth\"");
	setenv("STACKFLOW_USER_POOL_ID", "eu-west-1_AbC", 1);
	setenv("STACKFLOW_EMAIL", "a@b.example", 1);
	setenv("STACKFLOW_PASSWORD", "pw", 1);
	c = loads(f, LISTEN HOOK);
	assert_string_equal(c->stackflow.base_url, "https://env.example/api");
	assert_int_equal(c->stackflow.auth.method, SF_AUTH_PASSWORD);
	assert_string_equal(c->stackflow.auth.region, "eu-west-1");
	assert_string_equal(c->stackflow.auth.email, "a@b.example");
	assert_string_equal(c->stackflow.auth.client_id, "id");
	setenv("STACKFLOW_COGNITO_URL", "https://c.example/", 1);
	setenv("STACKFLOW_CLIENT_SECRET", "cs", 1);
	c = loads(f, LISTEN HOOK);
	assert_int_equal(c->stackflow.auth.method, SF_AUTH_CLIENT_CREDENTIALS);
	assert_string_equal(c->stackflow.auth.token_url,
			    "https://c.example/oauth2/token");
	setenv("STACKFLOW_API_KEY", "key", 1);
	c = loads(f, LISTEN HOOK);
	assert_int_equal(c->stackflow.auth.method, SF_AUTH_API_KEY);
	assert_string_equal(c->stackflow.auth.api_key, "key");
	c = loads(f, LISTEN HOOK
		  "stackflow: {base_url: \"https://file\", "
		  "auth: {method: client_credentials, client_id: mine}}\n");
	assert_string_equal(c->stackflow.base_url, "https://file");
	assert_string_equal(c->stackflow.auth.client_id, "mine");
	assert_string_equal(c->stackflow.auth.client_secret, "cs");
	assert_null(c->stackflow.auth.api_key);
	c = loads(f, LISTEN HOOK
		  "stackflow: {auth: {method: password, email: mine}}\n");
	assert_string_equal(c->stackflow.auth.email, "mine");
	assert_string_equal(c->stackflow.auth.client_secret, "cs");
	setenv("STACKFLOW_TOKEN", "t", 1);
	c = loads(f, LISTEN HOOK);
	assert_int_equal(c->stackflow.auth.method, SF_AUTH_TOKEN);
	assert_string_equal(c->stackflow.auth.token, "t");
	assert_null(c->stackflow.auth.api_key);
	setenv("STACKFLOW_BASE_URL", "http://env.example", 1);
	refuses(f, LISTEN HOOK, "STACKFLOW_BASE_URL: https:// is required");
}

static void test_file_itself(void **state)
{
	struct fixture *f = *state;

	loads(f, LEAST);
	assert_int_equal(chmod(in(f, "tocsin.yaml"), 0644), 0);
	assert_int_equal(conf_look(&f->conf, in(f, "none.yaml"), &f->faults),
			 -ENOENT);
	assert_int_equal(f->faults.errors, 1);
	conf_free(f->conf);
	f->conf = NULL;
	assert_int_equal(conf_load(&f->conf, in(f, "tocsin.yaml"), &f->faults),
			 0);
	assert_string_equal(f->faults.list[1].code, "world-readable");
	assert_int_equal(f->faults.list[1].level, FAULT_WARNING);
	assert_ptr_equal(conf_ref(f->conf), f->conf);
	conf_free(f->conf);
	assert_string_equal(f->conf->sns.path, "/sns");
	assert_string_equal(conf_path("x"), "x");
	setenv("TOCSIN_CONFIG", "y", 1);
	assert_string_equal(conf_path(NULL), "y");
	unsetenv("TOCSIN_CONFIG");
	assert_string_equal(conf_path(NULL), CONF_DEFAULT_PATH);
}

static void test_loopback(void **state)
{
	(void)state;
	assert_true(conf_loopback(STR("127.0.0.1:80")));
	assert_true(conf_loopback(STR("127.9.9.9:80")));
	assert_true(conf_loopback(STR("[::1]:80")));
	assert_true(conf_loopback(STR("localhost:80")));
	assert_true(conf_loopback(STR("unix:/run/x")));
	assert_true(conf_loopback(STR("http://LOCALHOST:8/x")));
	assert_true(conf_loopback(STR("https://[::1]")));
	assert_false(conf_loopback(STR("[::]:80")));
	assert_false(conf_loopback(STR("0.0.0.0:80")));
	assert_false(conf_loopback(STR(":80")));
	assert_false(conf_loopback(STR("127.0.0.1.example:80")));
	assert_false(conf_loopback(STR("http://127.0.0.1@evil.example/")));
	assert_false(conf_loopback(STR("http://evil.example/127.0.0.1")));
	assert_false(conf_loopback(STR("http://[::1].evil.example")));
	assert_false(conf_loopback(STR("http://2130706433/")));
}

static void test_rule_files(void **state)
{
	struct fixture *f = *state;
	struct rule_file_list list;

	assert_int_equal(mkdir(in(f, "rules.d"), 0700), 0);
	assert_int_equal(mkdir(in(f, "rules.d/folder.yaml"), 0700), 0);
	write_file(f, "rules.d/b.yaml", "bee");
	write_file(f, "rules.d/a.yaml", "");
	write_file(f, "rules.d/B.yaml", "x");
	write_file(f, "rules.d/a_test.yaml", "x");
	write_file(f, "rules.d/.hidden.yaml", "x");
	write_file(f, "rules.d/notes.txt", "x");
	write_file(f, "one.yml", "single");
	loads(f, LEAST "rules: [one.yml, rules.d, absent]\n");
	assert_int_equal(conf_rule_files(&list, f->conf, &f->faults), -EINVAL);
	assert_int_equal(list.count, 5);
	assert_string_equal(list.sources[0].name, "one.yml");
	assert_string_equal(list.sources[0].directory, f->folder);
	assert_true(str_is(list.sources[0].text, "single"));
	assert_string_equal(list.sources[1].name, "B.yaml");
	assert_string_equal(list.sources[2].name, "a.yaml");
	assert_non_null(list.sources[2].text.p);
	assert_int_equal(list.sources[2].text.n, 0);
	assert_string_equal(list.sources[3].name, "b.yaml");
	assert_string_equal(list.paths[3], in(f, "rules.d/b.yaml"));
	assert_string_equal(list.sources[3].directory, in(f, "rules.d"));
	assert_null(list.sources[4].text.p);
	faults_put_text(&f->said, &f->faults);
	says(f, "folder.yaml: error[unreadable]: not a regular file");
	says(f, "absent: no such file or folder");
	rule_files_free(&list);
	assert_int_equal(
		rule_files_add(&list, in(f, "rules.d"), RULE_TESTS, &f->faults),
		0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.sources[0].name, "a_test.yaml");
	assert_int_equal(
		rule_files_add(&list, in(f, "absent"), RULE_FILES, &f->faults),
		-ENOENT);
	rule_files_free(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_every_key),
		TEST(test_references),
		TEST(test_reference_faults_show_no_value),
		TEST(test_a_look_forgives_missing_secrets),
		TEST(test_all_faults_in_one_go),
		TEST(test_links),
		TEST(test_what_this_version_has_not),
		TEST(test_rules_of_sense),
		TEST(test_environment),
		TEST(test_file_itself),
		cmocka_unit_test(test_loopback),
		TEST(test_rule_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
