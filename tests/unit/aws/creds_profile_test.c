/* The files of AWS's command line, roles, and programs that print keys. */
#include "tests/unit/aws/creds_rig.h"

#include "aws/creds_ini.h"

#define ROLE "arn:aws:iam::111122223333:role/"
#define PAIR(id)                                                               \
	"aws_access_key_id = " id "\naws_secret_access_key = " SECRET_CANARY   \
	"\n"

static struct creds_profile p;

static const char *at(enum creds_key key)
{
	static char text[256];
	struct str s = p.set[key].value;

	if (!s.p)
		return NULL;
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(s));
	return text;
}

static int read_both(const char *credentials, const char *config,
		     const char *name, struct err *err)
{
	struct creds_text a = { str_from(credentials), "CRED", false };
	struct creds_text b = { str_from(config), "CONF", true };

	memset(&p, 0, sizeof(p));
	return creds_profile_read(&p, &a, &b, str_from(name), err);
}

static void reads_sections(void **state)
{
	static const char config[] = "\xef\xbb\xbf# a comment\r\n"
				     "[default]\r\n"
				     "region = us-east-1\r\n"
				     "; another\r\n"
				     "[profile ops]   # the second\n"
				     "role_arn=" ROLE "ops\n"
				     "  s3 = deep\n"
				     "region = eu-west-1   ; as of today\n"
				     "s3 =\n"
				     "    region = no-such-1\n"
				     "    [profile inner]\n"
				     "External_ID : a#b;c\n"
				     "output = # nothing\n"
				     "\n"
				     "[profile \"two words\"]\n"
				     "region = ap-south-1\n"
				     "[other]\n"
				     "region = xx\n"
				     "[profile ops]\n"
				     "source_profile = base\n";

	(void)state;
	assert_int_equal(read_both("", config, "ops", NULL), 0);
	assert_true(p.found);
	assert_string_equal(at(CREDS_KEY_REGION), "eu-west-1");
	assert_int_equal(p.set[CREDS_KEY_REGION].line, 8);
	assert_string_equal(p.set[CREDS_KEY_REGION].file, "CONF");
	assert_string_equal(at(CREDS_KEY_EXTERNAL_ID), "a#b;c");
	assert_string_equal(at(CREDS_KEY_SOURCE_PROFILE), "base");
	assert_int_equal(read_both("", config, "two words", NULL), 0);
	assert_string_equal(at(CREDS_KEY_REGION), "ap-south-1");
	assert_int_equal(read_both("", config, "default", NULL), 0);
	assert_string_equal(at(CREDS_KEY_REGION), "us-east-1");
	/* A bare name is a profile in the credentials file alone. */
	assert_int_equal(read_both("", config, "other", NULL), 0);
	assert_false(p.found);
	assert_int_equal(read_both(config, "", "other", NULL), 0);
	assert_true(p.found);
	assert_int_equal(read_both("", config, "inner", NULL), 0);
	assert_false(p.found);
}

static void reads_indented_keys(void **state)
{
	(void)state;
	assert_int_equal(
		read_both("[a]\n  region = x\n  role_arn = y\n", "", "a", NULL),
		0);
	assert_string_equal(at(CREDS_KEY_REGION), "x");
	assert_string_equal(at(CREDS_KEY_ROLE_ARN), "y");
}

static void never_mixes_keys(void **state)
{
	(void)state;
	assert_int_equal(read_both("[a]\naws_access_key_id=1\n"
				   "aws_secret_access_key=2\n",
				   "[profile a]\naws_access_key_id=3\n"
				   "aws_secret_access_key=4\n"
				   "aws_session_token=5\nregion=r\n",
				   "a", NULL),
			 0);
	assert_string_equal(at(CREDS_KEY_ID), "1");
	assert_string_equal(at(CREDS_KEY_SECRET), "2");
	assert_null(at(CREDS_KEY_TOKEN));
	assert_string_equal(at(CREDS_KEY_REGION), "r");
	/* A secret without its id is none beside another file's pair. */
	assert_int_equal(read_both("[a]\naws_secret_access_key=2\n"
				   "aws_session_token=t\n",
				   "[profile a]\naws_access_key_id=3\n"
				   "aws_secret_access_key=4\n",
				   "a", NULL),
			 0);
	assert_string_equal(at(CREDS_KEY_SECRET), "4");
	assert_null(at(CREDS_KEY_TOKEN));
}

static void names_the_line_of_a_fault(void **state)
{
	struct err err = { "" };

	(void)state;
	assert_int_equal(read_both("[a]\n" SECRET_CANARY "\n", "", "a", &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "CRED:2: expected key = value"));
	assert_null(strstr(err.text, SECRET_CANARY));
	assert_int_equal(read_both("", "\n\n[profile a\n", "a", &err), -EINVAL);
	assert_non_null(strstr(err.text, "CONF:3: expected a ]"));
	/* What other tools keep in other sections is theirs. */
	assert_int_equal(
		read_both("[b]\nwhatever\n[a]\nregion=x\n", "", "a", &err), 0);
	assert_true(p.found);
}

static struct rig *with_files(const char *credentials, const char *config)
{
	struct rig *r = rig_new();

	rig_serve(r);
	rig_var(r, "AWS_EC2_METADATA_DISABLED", "true");
	rig_var(r, "AWS_SHARED_CREDENTIALS_FILE", "%s",
		rig_file(r, "credentials", credentials));
	rig_var(r, "AWS_CONFIG_FILE", "%s", rig_file(r, "config", config));
	rig_var(r, "AWS_ENDPOINT_URL", "http://127.0.0.1:%u", r->server.port);
	rig_var(r, "AWS_PROFILE", "top");
	rig_open(r);
	return r;
}

static void takes_a_role(void **state)
{
	struct rig *r = with_files(
		"[base]\n" PAIR("AKIABASE") "aws_session_token = tok/1\n",
		"[profile top]\nrole_arn = " ROLE "ops\n"
		"source_profile = base\nexternal_id = x/y\n"
		"role_session_name = night\nduration_seconds = 900\n"
		"region = eu-west-1\n");

	(void)state;
	rig_sts(r,
		"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam"
		"%3A%3A111122223333%3Arole%2Fops&RoleSessionName=night&"
		"DurationSeconds=900&ExternalId=x%2Fy",
		"ASIAROLE", 15);
	creds_step(r->c);
	assert_keys(r, "ASIAROLE");
	assert_int_equal(server_saw(&r->server,
				    "Authorization: AWS4-HMAC-SHA256 "
				    "Credential=AKIABASE/20261122/eu-west-1/"
				    "sts/aws4_request, SignedHeaders="
				    "content-type;host;x-amz-date;"
				    "x-amz-security-token, Signature="),
			 1);
	assert_int_equal(
		server_saw(&r->server, "X-Amz-Security-Token: tok/1\r\n"), 1);
	assert_int_equal(server_saw(&r->server, SECRET_CANARY), 0);
	rig_logged(r, "profile (\"top\" by \"base\", role " ROLE "ops), until");
	rig_free(r);
}

static void takes_roles_in_a_row(void **state)
{
	struct rig *r = with_files(
		"[base]\n" PAIR("AKIABASE"),
		"[profile top]\nrole_arn=" ROLE "top\nsource_profile=middle\n"
		"[profile middle]\nrole_arn=" ROLE "middle\n"
		"source_profile=base\n"
		/* A profile named for its keys gives them, role or not. */
		"[profile base]\nrole_arn=" ROLE "base\nsource_profile=top\n");

	(void)state;
	rig_sts(r, "Credential=AKIABASE/", "ASIAMIDDLE", 60);
	rig_sts(r, "Credential=ASIAMIDDLE/", "ASIATOP", 60);
	creds_step(r->c);
	assert_keys(r, "ASIATOP");
	assert_int_equal(server_requests(&r->server), 2);
	rig_free(r);
}

static void role_of_its_own_keys(void **state)
{
	struct rig *r = with_files("[top]\n" PAIR("AKIATOP"),
				   "[profile top]\nrole_arn=" ROLE "top\n"
				   "source_profile=top\n");

	(void)state;
	rig_sts(r, "Credential=AKIATOP/", "ASIATOP", 60);
	creds_step(r->c);
	assert_keys(r, "ASIATOP");
	rig_free(r);
}

static void role_by_credential_source(void **state)
{
	struct rig *r = with_files("", "[profile top]\nrole_arn=" ROLE "top\n"
				       "credential_source = EcsContainer\n");

	(void)state;
	rig_sts(r, "Credential=ASIAECS/", "ASIATOP", 60);
	creds_step(r->c);
	assert_none(r, "config:3: profile \"top\": credential_source: neither "
		       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"http://127.0.0.1:%u/creds", r->server.port);
	rig_keys(r, "GET /creds ", "ASIAECS", 60);
	r->now_ms += MINUTE;
	creds_step(r->c);
	assert_keys(r, "ASIATOP");
	assert_string_equal(aws_creds_provider(r->c), "profile");
	rig_free(r);
}

static void role_by_web_identity(void **state)
{
	struct rig *r = with_files("", "");
	char config[256];

	(void)state;
	(void)snprintf(config, sizeof(config),
		       "[profile top]\nrole_arn=" ROLE "top\n"
		       "web_identity_token_file = %s\n",
		       rig_file(r, "token", "tokentext"));
	rig_file(r, "config", config);
	rig_sts(r, "WebIdentityToken=tokentext", "ASIAWEB", 60);
	creds_step(r->c);
	assert_keys(r, "ASIAWEB");
	rig_free(r);
}

/* Our clock is an hour ahead: STS says so, and the second try fits. */
static void role_with_skewed_clock(void **state)
{
	struct rig *r = with_files("[base]\n" PAIR("AKIABASE"),
				   "[profile top]\nrole_arn=" ROLE "top\n"
				   "source_profile=base\n");
	struct canned *c;

	(void)state;
	c = rig_answer(r, "POST / ", 403,
		       "<ErrorResponse><Error><Code>SignatureDoesNotMatch"
		       "</Code></Error></ErrorResponse>");
	c->headers = "Date: Sun, 22 Nov 2026 09:00:00 GMT\r\n";
	c = rig_sts(r, "X-Amz-Date: 20261122T090000Z\r\n", "ASIATOP", -30);
	c->headers = "Date: Sun, 22 Nov 2026 09:00:00 GMT\r\n";
	creds_step(r->c);
	assert_keys(r, "ASIATOP");
	assert_int_equal(server_requests(&r->server), 2);
	assert_int_equal(aws_creds_expire_ms(r->c), NOW_MS + 30 * MINUTE);
	rig_free(r);
}

static void refuses(const char *credentials, const char *config,
		    const char *words)
{
	struct rig *r = with_files(credentials, config);

	creds_step(r->c);
	assert_none(r, words);
	assert_int_equal(server_requests(&r->server), 0);
	rig_free(r);
}

static void refuses_profiles(void **state)
{
	(void)state;
	refuses("", "", "profile \"top\" is neither in /tmp/tocsin-creds-");
	refuses("[top]\naws_access_key_id=x\n", "",
		"credentials:2: profile \"top\": aws_access_key_id: "
		"aws_secret_access_key is missing beside it");
	refuses("[top]\naws_access_key_id=x\naws_secret_access_key=a b\n", "",
		"the secret access key holds");
	refuses("",
		"[profile top]\nrole_arn=" ROLE "a\nsource_profile=b\n"
		"[profile b]\nrole_arn=" ROLE "b\nsource_profile=c\n"
		"[profile c]\nrole_arn=" ROLE "c\nsource_profile=b\n",
		"config:9: profile \"c\": source_profile: top, b, c, b again");
	refuses("", "[profile top]\nrole_arn=" ROLE "a\nsource_profile=top\n",
		"source_profile: top, top again");
	refuses("", "[profile top]\nrole_arn=" ROLE "a\nsource_profile=gone\n",
		"profile \"gone\" is neither in");
	refuses("", "[profile top]\nrole_arn=" ROLE "a\n",
		"config:2: profile \"top\": role_arn: source_profile, ");
	refuses("", "[profile top]\nrole_arn=nonsense\nsource_profile=b\n",
		"role_arn: expected a role's ARN");
	refuses("",
		"[profile top]\nrole_arn=" ROLE "a\nsource_profile=b\n"
		"mfa_serial=arn:aws:iam::1:mfa/x\n",
		"config:4: profile \"top\": mfa_serial: a service can't type "
		"a code");
	refuses("",
		"[profile top]\nrole_arn=" ROLE "a\nsource_profile=b\n"
		"credential_source=Environment\n",
		"expected either this or source_profile, found both");
	refuses("",
		"[profile top]\nrole_arn=" ROLE "a\n"
		"credential_source=Environment\n",
		"credential_source: AWS_ACCESS_KEY_ID is not set");
	refuses("",
		"[profile top]\nrole_arn=" ROLE "a\n"
		"credential_source=Other\n",
		"expected Environment, Ec2InstanceMetadata or EcsContainer");
	refuses("[b]\n" PAIR("AKIA"),
		"[profile top]\nrole_arn=" ROLE "a\nsource_profile=b\n"
		"duration_seconds=899\n",
		"config:4: profile \"top\": duration_seconds: expected 900");
	refuses("[b]\n" PAIR("AKIA"),
		"[profile top]\nrole_arn=" ROLE "a\nsource_profile=b\n"
		"role_session_name=a b\n",
		"role_session_name: expected 2 to 64");
	refuses("", "[profile top]\nsso_session=x\nsso_account_id=1\n",
		"config:2: profile \"top\": sso_session: this way in needs a "
		"person at a browser");
	refuses("", "[profile top]\ncredential_process=/bin/true\n",
		"config:2: credential_process: running programs is not "
		"allowed; set aws.credential_process: true");
	refuses("", "[profile top]\nregion=x\n",
		"profile \"top\" has neither keys nor a role");
}

static void too_many_in_a_row(void **state)
{
	struct buf b = BUF_INIT(8192);

	(void)state;
	buf_puts(&b, "[profile top]\nrole_arn=" ROLE "x\nsource_profile=1\n");
	for (int i = 1; i < 20; i++)
		buf_printf(&b,
			   "[profile %d]\nrole_arn=" ROLE "x\n"
			   "source_profile=%d\n",
			   i, i + 1);
	refuses("", b.p, "more than 8 profiles in a row");
	buf_fini(&b);
}

/* "default" where there is none means: none. */
static void default_may_be_absent(void **state)
{
	struct rig *r = with_files("", "");

	(void)state;
	rig_var(r, "AWS_PROFILE", "default");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"http://127.0.0.1:%u/creds", r->server.port);
	rig_keys(r, "GET /creds ", "ASIAECS", 60);
	creds_step(r->c);
	assert_keys(r, "ASIAECS");
	rig_free(r);
}

static void home_holds_the_files(void **state)
{
	struct rig *r = with_files("[top]\n" PAIR("AKIATOP"), "");

	(void)state;
	rig_var(r, "HOME", "%s", r->folder);
	rig_var(r, "AWS_SHARED_CREDENTIALS_FILE", "~/credentials");
	rig_var(r, "AWS_CONFIG_FILE", "%s", "");
	creds_step(r->c);
	assert_keys(r, "AKIATOP");
	rig_free(r);
}

static void finds_the_region(void **state)
{
	struct rig *r = with_files("", "[profile top]\nregion=eu-west-3\n"
				       "[default]\nregion=eu-west-1\n");
	struct buf b = BUF_INIT(64);

	(void)state;
	assert_int_equal(aws_region_find(&b, &r->o), 1);
	assert_string_equal(b.p, "eu-west-3");
	buf_reset(&b);
	rig_var(r, "AWS_PROFILE", "%s", "");
	assert_int_equal(aws_region_find(&b, &r->o), 1);
	assert_string_equal(b.p, "eu-west-1");
	buf_reset(&b);
	rig_var(r, "AWS_DEFAULT_REGION", "us-west-2");
	assert_int_equal(aws_region_find(&b, &r->o), 1);
	assert_string_equal(b.p, "us-west-2");
	buf_reset(&b);
	rig_var(r, "AWS_REGION", "us-west-1");
	assert_int_equal(aws_region_find(&b, &r->o), 1);
	assert_string_equal(b.p, "us-west-1");
	buf_reset(&b);
	rig_var(r, "AWS_REGION", "%s", "");
	rig_var(r, "AWS_DEFAULT_REGION", "%s", "");
	r->o.profile = "none";
	assert_int_equal(aws_region_find(&b, &r->o), 0);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
	rig_free(r);
}

static void splits_like_shlex(void **state)
{
	static const struct {
		const char *command;
		const char *argv[6];
	} good[] = {
		{ "a b  c", { "a", "b", "c" } },
		{ " a\t'b c' \"d e\" ", { "a", "b c", "d e" } },
		{ "a\\ b c'd'\"e\"", { "a b", "cde" } },
		{ "a '' \"\"", { "a", "", "" } },
		{ "\"a\\\"b\\\\c\\d\" 'e\\'", { "a\"b\\c\\d", "e\\" } },
		{ "a $HOME `b` ; c|d", { "a", "$HOME", "`b`", ";", "c|d" } },
	};
	static const char *const bad[] = { "", "  ", "'a", "a \"b", "a\\" };
	struct buf room = BUF_INIT(1000);
	char *argv[6];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t n = 0;

		buf_reset(&room);
		assert_int_equal(creds_split(argv, 6, &room,
					     str_from(good[i].command), NULL),
				 0);
		for (; n < 6 && good[i].argv[n]; n++)
			assert_string_equal(argv[n], good[i].argv[n]);
		assert_null(argv[n]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&room);
		assert_int_equal(
			creds_split(argv, 6, &room, str_from(bad[i]), NULL),
			-EINVAL);
	}
	buf_reset(&room);
	assert_int_equal(creds_split(argv, 6, &room, STR("1 2 3 4 5 6"), NULL),
			 -EINVAL);
	buf_fini(&room);
}

/* A profile whose keys a script prints. */
static struct rig *with_script(const char *text)
{
	struct rig *r = with_files("", "");
	char config[256];

	(void)snprintf(config, sizeof(config),
		       "[profile top]\ncredential_process = "
		       "/bin/sh \"%s\" 'one two'\n",
		       rig_file(r, "run", text));
	rig_file(r, "config", config);
	aws_creds_free(r->c);
	r->o.credential_process = true;
	rig_open(r);
	return r;
}

static void runs_a_process(void **state)
{
	struct rig *r = with_script(
		"test \"$1\" = 'one two' || exit 3\n"
		/* Nothing of ours is open in it (10 is the shell's own script),
		 * nothing is to be read. */
		"for f in /proc/self/fd/*; do\n"
		"  case ${f##*/} in 0|1|2|3|10) ;; *) exit 4;; esac\n"
		"done\n"
		"read x && exit 5\n"
		"test -z \"$STACKFLOW_API_KEY\" -a -n \"$PATH\" || exit 6\n"
		"echo complaints >&2\n"
		"echo '{\"Version\":1,\"AccessKeyId\":\"AKIAPROC\","
		"\"SecretAccessKey\":\"" SECRET_CANARY "\","
		"\"SessionToken\":\"t\"}'\n");
	int extra = dup2(1, 77);

	(void)state;
	setenv("STACKFLOW_API_KEY", "not its business", 1);
	creds_step(r->c);
	unsetenv("STACKFLOW_API_KEY");
	(void)close(extra);
	assert_keys(r, "AKIAPROC");
	assert_int_equal(aws_creds_expire_ms(r->c), 0);
	rig_free(r);
}

static void process_expiry_counts(void **state)
{
	struct rig *r =
		with_script("echo '{\"Version\":1,\"AccessKeyId\":\"AKIAPROC\","
			    "\"SecretAccessKey\":\"x\","
			    "\"Expiration\":\"2026-11-22T11:00:00+00:00\"}'\n");

	(void)state;
	creds_step(r->c);
	assert_keys(r, "AKIAPROC");
	assert_int_equal(aws_creds_expire_ms(r->c), NOW_MS + 60 * MINUTE);
	rig_free(r);
}

static void process_faults(void **state)
{
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "exit 7\n", "credential_process: /bin/sh ended with status "
			      "7" },
		{ "kill -9 $$\n", "ended with signal 9" },
		{ "echo " SECRET_CANARY "\n", "not one strict JSON document" },
		{ "echo '{\"Version\":2}'\n", "Version: expected 1" },
		{ "echo '{\"Version\":\"1\"}'\n", "Version: expected 1" },
		{ "echo '{\"Version\":1}'\n", "no access key id came" },
		{ "while :; do echo 0123456789012345678901234567; done\n",
		  "/bin/sh printed more than 65536 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig *r = with_script(bad[i].text);

		creds_step(r->c);
		assert_none(r, bad[i].words);
		assert_none(r, "config:2: credential_process: ");
		rig_free(r);
	}
}

/* What it started ends with it. */
static void process_is_ended_in_time(void **state)
{
	struct rig *r = with_files("", "");
	struct creds_net net = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct creds_ask a = { .o = &r->o, .net = &net, .process_ms = 300 };
	struct buf command = BUF_INIT(512);
	struct aws_held *h = NULL;
	struct err err = { "" };
	char text[256], path[128];
	int64_t begun = clock_mono_ms();
	pid_t child = 0;
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/pid", r->folder);
	(void)snprintf(text, sizeof(text), "sleep 600 &\necho $! > %s\nwait\n",
		       path);
	buf_printf(&command, "/bin/sh %s", rig_file(r, "run", text));
	r->o.credential_process = true;
	assert_int_equal(creds_process(&h, &a, buf_str(&command), "F:1", &err),
			 -EAGAIN);
	assert_non_null(strstr(err.text, "F:1: credential_process: /bin/sh "
					 "took longer than"));
	assert_true(clock_mono_ms() - begun < 10000);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &child), 1);
	(void)fclose(f);
	/* Dead, if not yet reaped by who took it over. */
	for (int i = 0; i < 200; i++) {
		char stat[64], state_of = 'X';

		(void)snprintf(stat, sizeof(stat), "/proc/%d/stat", child);
		f = fopen(stat, "r");
		if (!f)
			break;
		if (fscanf(f, "%*d %*s %c", &state_of) != 1)
			state_of = 'X';
		(void)fclose(f);
		if (state_of == 'Z' || state_of == 'X')
			break;
		assert_true(i < 199);
		usleep(10000);
	}
	buf_fini(&command);
	rig_free(r);
}

static void free_ends_a_process(void **state)
{
	struct rig *r = with_script("sleep 600\n");
	int64_t begun;

	(void)state;
	aws_creds_free(r->c);
	r->c = NULL;
	assert_int_equal(aws_creds_new(&r->c, &r->o, NULL), 0);
	aws_creds_wait(r->c, 100);
	begun = clock_mono_ms();
	aws_creds_free(r->c);
	r->c = NULL;
	assert_true(clock_mono_ms() - begun < 5000);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sections),
		cmocka_unit_test(reads_indented_keys),
		cmocka_unit_test(never_mixes_keys),
		cmocka_unit_test(names_the_line_of_a_fault),
		cmocka_unit_test(takes_a_role),
		cmocka_unit_test(takes_roles_in_a_row),
		cmocka_unit_test(role_of_its_own_keys),
		cmocka_unit_test(role_by_credential_source),
		cmocka_unit_test(role_by_web_identity),
		cmocka_unit_test(role_with_skewed_clock),
		cmocka_unit_test(refuses_profiles),
		cmocka_unit_test(too_many_in_a_row),
		cmocka_unit_test(default_may_be_absent),
		cmocka_unit_test(home_holds_the_files),
		cmocka_unit_test(finds_the_region),
		cmocka_unit_test(splits_like_shlex),
		cmocka_unit_test(runs_a_process),
		cmocka_unit_test(process_expiry_counts),
		cmocka_unit_test(process_faults),
		cmocka_unit_test(process_is_ended_in_time),
		cmocka_unit_test(free_ends_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
