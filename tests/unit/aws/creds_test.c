/* The keys' life: who is asked, when again, and what is served meanwhile. */
#include "tests/unit/aws/creds_rig.h"

static void serves_configured_keys(void **state)
{
	struct rig *r = rig_new();
	struct aws_held *h = NULL;

	(void)state;
	r->o.access_key_id = "AKIACONF";
	r->o.secret_access_key = SECRET_CANARY;
	r->o.session_token = "conf-token";
	rig_var(r, "AWS_ACCESS_KEY_ID", "AKIAENV");
	rig_var(r, "AWS_SECRET_ACCESS_KEY", "other");
	rig_open(r);
	assert_int_equal(aws_creds_get(&h, r->c, NULL), -EAGAIN);
	assert_null(aws_creds_provider(r->c));
	creds_step(r->c);
	assert_int_equal(aws_creds_get(&h, r->c, NULL), 0);
	assert_true(str_is(aws_held_keys(h)->id, "AKIACONF"));
	assert_true(str_is(aws_held_keys(h)->secret, SECRET_CANARY));
	assert_true(str_is(aws_held_keys(h)->token, "conf-token"));
	assert_string_equal(aws_creds_provider(r->c), "configuration");
	assert_int_equal(aws_creds_expire_ms(r->c), 0);
	rig_logged(r, "from configuration, without expiry");
	/* Valid until dropped, whatever becomes of where it came from. */
	aws_creds_free(r->c);
	r->c = NULL;
	assert_true(str_is(aws_held_keys(h)->secret, SECRET_CANARY));
	aws_held_drop(h);
	rig_free(r);
}

static void refuses_half_a_pair(void **state)
{
	struct rig *r = rig_new();
	struct err err = { "" };

	(void)state;
	r->o.access_key_id = "AKIACONF";
	assert_int_equal(aws_creds_new(&r->c, &r->o, &err), -EINVAL);
	assert_non_null(strstr(err.text, "without its secret"));
	r->o.access_key_id = NULL;
	r->o.secret_access_key = SECRET_CANARY;
	assert_int_equal(aws_creds_new(&r->c, &r->o, &err), -EINVAL);
	assert_null(strstr(err.text, SECRET_CANARY));
	assert_null(r->c);
	rig_free(r);
}

static void refuses_keys_that_break_headers(void **state)
{
	static const char *const bad[] = { "a b",  "a\nb",     "a\rb",
					   "\x7f", "\xc3\xa9", "\t" };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct rig *r = rig_new();

		rig_var(r, "AWS_ACCESS_KEY_ID", "AKIA");
		rig_var(r, "AWS_SECRET_ACCESS_KEY", "%s", bad[i]);
		rig_open(r);
		creds_step(r->c);
		assert_none(r, "the secret access key holds");
		rig_free(r);
	}
}

/* What is set up and fails isn't passed over for another identity. */
static void stops_where_set_up(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_var(r, "AWS_ACCESS_KEY_ID", "AKIAENV");
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_connect(r, "169.254.170.2:80");
	rig_keys(r, "GET /creds ", "ASIACONTAINER", 60);
	rig_open(r);
	creds_step(r->c);
	assert_none(r, "environment: AWS_ACCESS_KEY_ID is set, "
		       "AWS_SECRET_ACCESS_KEY is not; what comes after");
	assert_int_equal(server_requests(&r->server), 0);
	rig_logged(r, "none: configuration: no keys given; environment:");
	/* It goes on trying by itself. */
	rig_var(r, "AWS_SECRET_ACCESS_KEY", SECRET_CANARY);
	r->now_ms += MINUTE;
	creds_step(r->c);
	assert_keys(r, "AKIAENV");
	rig_logged(r, "from environment");
	rig_free(r);
}

static void asks_in_order(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_serve(r);
	rig_var(r, "AWS_PROFILE", "p");
	rig_var(r, "AWS_CONFIG_FILE", "/nonexistent/config");
	rig_var(r, "AWS_SHARED_CREDENTIALS_FILE", "%s",
		rig_file(r, "credentials",
			 "[p]\naws_access_key_id=AKIAPROF\n"
			 "aws_secret_access_key=" SECRET_CANARY "\n"));
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_var(r, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:%u",
		r->server.port);
	rig_open(r);
	creds_step(r->c);
	assert_keys(r, "AKIAPROF");
	assert_string_equal(aws_creds_provider(r->c), "profile");
	assert_int_equal(server_requests(&r->server), 0);
	rig_logged(r, "profile (\"p\"), without expiry; before it "
		      "configuration: no keys given; environment: "
		      "AWS_ACCESS_KEY_ID is not set; web identity: "
		      "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
	rig_free(r);
}

static void says_what_each_said(void **state)
{
	struct rig *r = rig_new();
	int64_t wait;

	(void)state;
	rig_var(r, "AWS_EC2_METADATA_DISABLED", "True");
	rig_open(r);
	wait = creds_step(r->c);
	assert_in_range(wait, 500, 1000);
	assert_none(r, "no AWS credentials: configuration: no keys given; "
		       "environment: AWS_ACCESS_KEY_ID is not set; web "
		       "identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; "
		       "profile: AWS_PROFILE is not set; container: neither "
		       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
		       "AWS_CONTAINER_CREDENTIALS_FULL_URI is set; instance: "
		       "AWS_EC2_METADATA_DISABLED is true");
	assert_int_equal(r->n_log, 1);
	assert_true(r->trouble[0]);
	/* Ever more seldom, up to once a minute, and said once. */
	for (int i = 0; i < 12; i++) {
		r->now_ms += MINUTE;
		wait = creds_step(r->c);
	}
	assert_in_range(wait, 30000, MINUTE);
	assert_int_equal(r->n_log, 1);
	rig_free(r);
}

/* A container's endpoint with keys for so long, asked once. */
static struct rig *with_container(const char *id, int64_t minutes)
{
	struct rig *r = rig_new();

	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_connect(r, "169.254.170.2:80");
	rig_keys(r, "GET /creds ", id, minutes);
	rig_open(r);
	creds_step(r->c);
	assert_keys(r, id);
	return r;
}

static void renews_ahead(void **state)
{
	struct rig *r = with_container("ASIA1", 60);

	(void)state;
	assert_int_equal(aws_creds_expire_ms(r->c), NOW_MS + 60 * MINUTE);
	rig_keys(r, "GET /creds ", "ASIA2", 120);
	/* 15 to 17 minutes ahead. */
	r->now_ms += 43 * MINUTE - 1;
	creds_step(r->c);
	assert_int_equal(server_requests(&r->server), 1);
	assert_keys(r, "ASIA1");
	r->now_ms += 2 * MINUTE + 1;
	creds_step(r->c);
	assert_int_equal(server_requests(&r->server), 2);
	assert_keys(r, "ASIA2");
	/* Nobody needs to know. */
	assert_int_equal(r->n_log, 1);
	rig_free(r);
}

static void renews_short_lived_at_half(void **state)
{
	struct rig *r = with_container("ASIA1", 10);

	(void)state;
	rig_keys(r, "GET /creds ", "ASIA2", 20);
	r->now_ms += 5 * MINUTE - 1;
	creds_step(r->c);
	assert_keys(r, "ASIA1");
	r->now_ms += 1;
	creds_step(r->c);
	assert_keys(r, "ASIA2");
	rig_free(r);
}

static void serves_until_expiry(void **state)
{
	struct rig *r = with_container("ASIA1", 60);

	(void)state;
	rig_answer(r, "GET /creds ", 500, "{\"code\":\"Broken\"}");
	r->now_ms += 45 * MINUTE;
	for (; r->now_ms < NOW_MS + 60 * MINUTE; r->now_ms += MINUTE) {
		int64_t wait = creds_step(r->c);

		assert_in_range(wait, 500, MINUTE);
		assert_keys(r, "ASIA1");
	}
	rig_logged(r, "not renewed: container: the container's endpoint "
		      "answered 500 Broken; those of before are used until "
		      "2026-11-22T11:00:00Z");
	assert_none(r, "of provider container expired 2026-11-22T11:00:00Z "
		       "and were not renewed: container: the container's "
		       "endpoint answered 500 Broken");
	creds_step(r->c);
	creds_step(r->c);
	rig_logged(r, "answered 500 Broken; those of before have expired");
	assert_int_equal(r->n_log, 3);
	rig_keys(r, "GET /creds ", "ASIA2", 60);
	r->now_ms += MINUTE;
	creds_step(r->c);
	assert_keys(r, "ASIA2");
	rig_logged(r, "renewed by container");
	rig_free(r);
}

/* As after a suspend: nobody renewed, nobody failed to. */
static void looks_before_it_says_no(void **state)
{
	struct rig *r = with_container("ASIA1", 60);
	char id[64];

	(void)state;
	rig_keys(r, "GET /creds ", "ASIA2", 600);
	r->now_ms += 300 * MINUTE;
	assert_int_equal(rig_get(r, id, NULL), -EAGAIN);
	creds_step(r->c);
	assert_keys(r, "ASIA2");
	rig_free(r);
}

static void survives_a_clock_set_back(void **state)
{
	struct rig *r = with_container("ASIA1", 60);

	(void)state;
	rig_keys(r, "GET /creds ", "ASIA2", 60 - 1440);
	r->now_ms -= 1440 * MINUTE;
	creds_step(r->c);
	assert_keys(r, "ASIA1");
	r->now_ms += 45 * MINUTE;
	creds_step(r->c);
	assert_keys(r, "ASIA2");
	rig_free(r);
}

static void first_look_tries_three_times(void **state)
{
	struct rig *r = rig_new();
	struct canned *c;
	char id[64];

	(void)state;
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_connect(r, "169.254.170.2:80");
	c = rig_answer(r, "GET /creds ", 503, "busy");
	rig_open(r);
	for (int i = 0; i < 2; i++) {
		int64_t wait = creds_step(r->c);

		assert_int_equal(rig_get(r, id, NULL), -EAGAIN);
		assert_in_range(wait, 500, 2000);
		r->now_ms += 2000;
	}
	assert_int_equal(r->n_log, 0);
	creds_step(r->c);
	assert_none(r, "answered 503");
	assert_int_equal(rig_hits(r, c), 3);
	rig_logged(r, "answered 503");
	rig_free(r);
}

/* A refusal isn't cured by asking again at once. */
static void first_look_ends_with_a_refusal(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_connect(r, "169.254.170.2:80");
	rig_answer(r, "GET /creds ", 403, SECRET_CANARY);
	rig_open(r);
	creds_step(r->c);
	assert_none(r, "answered 403");
	rig_free(r);
}

static void complaint_renews_once(void **state)
{
	struct rig *r = with_container("ASIA1", 60);
	struct aws_held *a = NULL, *b = NULL;
	char id[64];

	(void)state;
	assert_int_equal(aws_creds_get(&a, r->c, NULL), 0);
	assert_int_equal(aws_creds_get(&b, r->c, NULL), 0);
	rig_keys(r, "GET /creds ", "ASIA2", 60);
	aws_creds_expired(r->c, a);
	assert_int_equal(rig_get(r, id, NULL), -EAGAIN);
	aws_creds_expired(r->c, b);
	creds_step(r->c);
	assert_keys(r, "ASIA2");
	assert_int_equal(server_requests(&r->server), 2);
	/* Too late: those are gone already. */
	aws_creds_expired(r->c, b);
	assert_keys(r, "ASIA2");
	creds_step(r->c);
	assert_int_equal(server_requests(&r->server), 2);
	aws_held_drop(a);
	aws_held_drop(b);
	rig_free(r);
}

static void complain(struct rig *r)
{
	struct aws_held *h = NULL;

	assert_int_equal(aws_creds_get(&h, r->c, NULL), 0);
	aws_creds_expired(r->c, h);
	aws_held_drop(h);
	creds_step(r->c);
}

static void complaints_are_bounded(void **state)
{
	struct rig *r = with_container("ASIA1", 60);

	(void)state;
	/* The same keys come again: no use in asking at every call. */
	for (int i = 0; i < 10; i++)
		complain(r);
	assert_int_equal(server_requests(&r->server), 2);
	assert_keys(r, "ASIA1");
	r->now_ms += MINUTE;
	complain(r);
	assert_int_equal(server_requests(&r->server), 3);
	/* Others each time, as STS gives them: a few times a minute. */
	r->now_ms += MINUTE;
	for (int i = 0; i < 10; i++) {
		char id[64];

		(void)snprintf(id, sizeof(id), "ASIANEW%d", i);
		rig_keys(r, "GET /creds ", id, 60);
		complain(r);
	}
	assert_int_equal(server_requests(&r->server), 3 + 4);
	rig_free(r);
}

static void failed_complaint_keeps_keys(void **state)
{
	struct rig *r = with_container("ASIA1", 60);

	(void)state;
	rig_answer(r, "GET /creds ", 500, "-");
	complain(r);
	assert_keys(r, "ASIA1");
	/* The next try comes by itself, not by more complaints. */
	for (int i = 0; i < 5; i++)
		complain(r);
	assert_int_equal(server_requests(&r->server), 2);
	r->now_ms += 1000;
	creds_step(r->c);
	assert_int_equal(server_requests(&r->server), 3);
	rig_free(r);
}

/* Long-lived keys of a file are read anew when a service refuses them. */
static void complaint_rereads_files(void **state)
{
	static const char *const text[] = {
		"[p]\naws_access_key_id=AKIA1\naws_secret_access_key=x\n",
		"[p]\naws_access_key_id=AKIA2\naws_secret_access_key=y\n",
	};
	struct rig *r = rig_new();

	(void)state;
	r->o.profile = "p";
	rig_var(r, "AWS_CONFIG_FILE", "/nonexistent/config");
	rig_var(r, "AWS_SHARED_CREDENTIALS_FILE", "%s",
		rig_file(r, "credentials", text[0]));
	rig_open(r);
	creds_step(r->c);
	assert_keys(r, "AKIA1");
	rig_file(r, "credentials", text[1]);
	complain(r);
	assert_keys(r, "AKIA2");
	rig_free(r);
}

struct asker {
	struct rig *r;
	pthread_t thread;
	_Atomic bool *stop;
	unsigned served;
};

static void *ask_on(void *arg)
{
	struct asker *a = arg;

	while (!*a->stop) {
		struct aws_held *h = NULL;

		aws_creds_wait(a->r->c, 1000);
		if (aws_creds_get(&h, a->r->c, NULL))
			continue;
		if (!str_starts(aws_held_keys(h)->id, "ASIA"))
			abort();
		if (a->served++ % 64 == 0)
			aws_creds_expired(a->r->c, h);
		(void)aws_creds_provider(a->r->c);
		(void)aws_creds_expire_ms(a->r->c);
		aws_held_drop(h);
	}
	return NULL;
}

static void threads_share_one(void **state)
{
	struct rig *r = rig_new();
	_Atomic bool stop = false;
	struct asker a[4];

	(void)state;
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_connect(r, "169.254.170.2:80");
	r->now_ms = clock_wall_ms();
	rig_keys(r, "GET /creds ", "ASIA1", 60);
	assert_int_equal(aws_creds_new(&r->c, &r->o, NULL), 0);
	for (int i = 0; i < 4; i++) {
		a[i] = (struct asker){ .r = r, .stop = &stop };
		pthread_create(&a[i].thread, NULL, ask_on, &a[i]);
	}
	for (int i = 2; i < 10; i++) {
		char id[64];

		(void)snprintf(id, sizeof(id), "ASIA%d", i);
		rig_keys(r, "GET /creds ", id, 60);
		usleep(10000);
	}
	stop = true;
	for (int i = 0; i < 4; i++) {
		pthread_join(a[i].thread, NULL);
		assert_true(a[i].served > 0);
	}
	/* However many complained. */
	assert_in_range(server_requests(&r->server), 1, 5);
	rig_free(r);
}

static void free_ends_a_request(void **state)
{
	struct rig *r = rig_new();
	struct canned *c;
	int64_t begun;

	(void)state;
	rig_var(r, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds");
	rig_connect(r, "169.254.170.2:80");
	c = rig_answer(r, "GET /creds ", 200, "-");
	c->deed = DEED_STALL;
	assert_int_equal(aws_creds_new(&r->c, &r->o, NULL), 0);
	while (rig_hits(r, c) == 0)
		sched_yield();
	begun = clock_mono_ms();
	aws_creds_free(r->c);
	r->c = NULL;
	assert_true(clock_mono_ms() - begun < 1000);
	assert_int_equal(r->n_log, 0);
	rig_free(r);
}

static void wait_is_bounded(void **state)
{
	struct rig *r = rig_new();
	int64_t begun = clock_mono_ms();

	(void)state;
	rig_open(r);
	aws_creds_wait(r->c, 20);
	assert_in_range(clock_mono_ms() - begun, 19, 2000);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_configured_keys),
		cmocka_unit_test(refuses_half_a_pair),
		cmocka_unit_test(refuses_keys_that_break_headers),
		cmocka_unit_test(stops_where_set_up),
		cmocka_unit_test(asks_in_order),
		cmocka_unit_test(says_what_each_said),
		cmocka_unit_test(renews_ahead),
		cmocka_unit_test(renews_short_lived_at_half),
		cmocka_unit_test(serves_until_expiry),
		cmocka_unit_test(looks_before_it_says_no),
		cmocka_unit_test(survives_a_clock_set_back),
		cmocka_unit_test(first_look_tries_three_times),
		cmocka_unit_test(first_look_ends_with_a_refusal),
		cmocka_unit_test(complaint_renews_once),
		cmocka_unit_test(complaints_are_bounded),
		cmocka_unit_test(failed_complaint_keeps_keys),
		cmocka_unit_test(complaint_rereads_files),
		cmocka_unit_test(threads_share_one),
		cmocka_unit_test(free_ends_a_request),
		cmocka_unit_test(wait_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
