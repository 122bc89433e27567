#include "tests/unit/aws/signer.h"

#include <errno.h>

enum { HOSTS_FULL = 8, FETCHES = 4, ALL = 64 };

/* What the cache asked to be fetched, in order. */
struct desk {
	struct sns_certs *certs;
	char url[256][600];
	size_t asked;
};

/* What one waiter heard. */
struct heard {
	int times;
	bool good;
	char problem[256];
};

static EVP_PKEY *key;
static char *pem;

static void note_fetch(const char *url, void *arg)
{
	struct desk *d = arg;

	assert_true(d->asked < 256);
	(void)snprintf(d->url[d->asked++], 600, "%s", url);
}

static void note_ready(const struct sns_cert *cert, const char *problem,
		       void *arg)
{
	struct heard *h = arg;

	h->times++;
	h->good = cert != NULL;
	assert_true(!cert == !!problem);
	if (cert)
		assert_true(sns_cert_valid_at(cert, WHEN_MS));
	else
		(void)snprintf(h->problem, sizeof(h->problem), "%s", problem);
}

static struct desk *desk_new(void)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_int_equal(sns_certs_new(&d->certs, note_fetch, d), 0);
	return d;
}

static void desk_free(struct desk *d)
{
	sns_certs_free(d->certs);
	free(d);
}

/* The i-th URL of a host; valid until the eighth call after this. */
static struct str url_of(const char *region, unsigned i)
{
	static char room[8][256];
	static unsigned at;
	char *to = room[at++ % 8];

	(void)snprintf(to, 256,
		       "https://sns.%s.amazonaws.com/"
		       "SimpleNotificationService-%032x.pem",
		       region, i);
	return str_from(to);
}

static int get(struct desk *d, struct str url, int64_t now, struct heard *h)
{
	const struct sns_cert *cert = NULL;
	struct err err = { "" };
	int r = sns_certs_get(&cert, d->certs, url, now, note_ready, h, &err);

	assert_true((r == SNS_CERT_HELD) == (cert != NULL));
	assert_true((r < 0) == (err.text[0] != '\0'));
	sns_cert_release(cert);
	return r;
}

static void fetched(struct desk *d, struct str url, int64_t now)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(url));
	sns_certs_fetched(d->certs, text, str_from(pem), NULL, now);
}

static void failed(struct desk *d, struct str url, int64_t now)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(url));
	sns_certs_fetched(d->certs, text, STR_NONE, "timed out", now);
}

/* The host answers, but has no such certificate. */
static void missing(struct desk *d, struct str url, int64_t now)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(url));
	sns_certs_fetched(d->certs, text, STR(""), "404", now);
}

static void count_fetch(const char *url, void *arg)
{
	(void)url;
	++*(size_t *)arg;
}

static void hold_at(struct desk *d, struct str url, int64_t now)
{
	struct heard h = { 0 };

	assert_int_equal(get(d, url, now, &h), SNS_CERT_WAITING);
	fetched(d, url, now);
	assert_true(h.times == 1 && h.good);
}

static void hold(struct desk *d, struct str url)
{
	hold_at(d, url, 0);
}

/* Is it at hand? Asks in a way that begins no fetch where it isn't. */
static bool held(struct desk *d, struct str url, struct heard *h)
{
	size_t before = d->asked;
	int r = get(d, url, 0, h);

	if (r == SNS_CERT_WAITING && d->asked > before)
		missing(d, url, 0);
	return r == SNS_CERT_HELD;
}

static void fetches_once_for_all_waiters(void **state)
{
	struct desk *d = desk_new();
	struct str url = url_of("us-east-1", 1);
	struct heard h[50] = { { 0 } };

	(void)state;
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(get(d, url, 0, &h[i]), SNS_CERT_WAITING);
	assert_int_equal(d->asked, 1);
	assert_string_equal(d->url[0], url.p);
	fetched(d, url, 5);
	for (size_t i = 0; i < 50; i++)
		assert_true(h[i].times == 1 && h[i].good);
	assert_int_equal(get(d, url, 6, &h[0]), SNS_CERT_HELD);
	assert_int_equal(get(d, url, INT64_C(1) << 50, &h[0]), SNS_CERT_HELD);
	assert_int_equal(d->asked, 1);
	assert_int_equal(h[0].times, 1);
	desk_free(d);
}

static void remembers_what_is_missing(void **state)
{
	struct desk *d = desk_new();
	struct str url = url_of("us-east-1", 1);
	struct heard h = { 0 }, later = { 0 };

	(void)state;
	assert_int_equal(get(d, url, 1000, &h), SNS_CERT_WAITING);
	missing(d, url, 2000);
	assert_int_equal(h.times, 1);
	assert_false(h.good);
	assert_string_equal(h.problem, "404");
	assert_int_equal(get(d, url, 2000, &later), -EAGAIN);
	assert_int_equal(get(d, url, 16999, &later), -EAGAIN);
	assert_int_equal(d->asked, 1);
	/* it says nothing of others */
	hold_at(d, url_of("us-east-1", 2), 2000);
	assert_int_equal(get(d, url, 17000, &later), SNS_CERT_WAITING);
	assert_int_equal(d->asked, 3);
	fetched(d, url, 17100);
	assert_true(later.times == 1 && later.good);
	assert_int_equal(get(d, url, 17200, &later), SNS_CERT_HELD);
	desk_free(d);
}

/* S13: ever-new URLs of a host that is down. It is tried after 2 s, 4, 8, 8. */
static void leaves_a_failing_host_alone(void **state)
{
	static const int64_t at[] = { 0, 2000, 6000, 14000, 22000, 30000 };
	struct desk *d = desk_new();
	struct heard h = { 0 };
	unsigned i = 0;

	(void)state;
	for (int64_t now = 0; now < 31000; now += 10) {
		struct str url = url_of("us-east-1", ++i);
		size_t before = d->asked;
		int r = get(d, url, now, &h);

		if (r == SNS_CERT_WAITING)
			failed(d, url, now);
		else
			assert_int_equal(r, -EAGAIN);
		if (d->asked > before)
			assert_int_equal(now, at[before]);
	}
	assert_int_equal(d->asked, 6);
	assert_int_equal(h.times, 6);
	/* other hosts' certificates can be had meanwhile */
	hold_at(d, url_of("eu-west-1", 1), 31000);
	/* the next try may be a genuine one's, and then all is well */
	hold_at(d, url_of("us-east-1", 1), 38000);
	assert_int_equal(get(d, url_of("us-east-1", 2), 38000, &h),
			 SNS_CERT_WAITING);
	desk_free(d);
}

/* While it is down one request at a time tries it. */
static void tries_a_failing_host_by_one(void **state)
{
	struct desk *d = desk_new();
	struct heard h[HOSTS_FULL] = { { 0 } };

	(void)state;
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		assert_int_equal(get(d, url_of("us-east-1", i), 0, &h[i]),
				 SNS_CERT_WAITING);
	/* what is queued behind the first failure needn't fail by itself */
	failed(d, url_of("us-east-1", 0), 5000);
	assert_int_equal(d->asked, FETCHES);
	for (unsigned i = FETCHES; i < HOSTS_FULL; i++)
		assert_string_equal(h[i].problem, "timed out");
	for (unsigned i = 1; i < FETCHES; i++)
		failed(d, url_of("us-east-1", i), 5000 + i);
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		assert_int_equal(h[i].times, 1);
	assert_int_equal(get(d, url_of("us-east-1", 0), 6999, &h[0]), -EAGAIN);
	assert_int_equal(get(d, url_of("us-east-1", 0), 7000, &h[0]),
			 SNS_CERT_WAITING);
	assert_int_equal(get(d, url_of("us-east-1", 1), 7000, &h[1]), -EAGAIN);
	/* any answer shows that the host is back */
	missing(d, url_of("us-east-1", 0), 7100);
	hold_at(d, url_of("us-east-1", 1), 7100);
	desk_free(d);
}

/* URLs that somebody makes up, of hosts that answer at once. */
static void bounds_what_brings_nothing(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct heard h = { 0 };
	size_t count = 0, quiet = 0;
	char region[32];

	(void)state;
	assert_int_equal(sns_certs_new(&d->certs, count_fetch, &count), 0);
	for (unsigned i = 0; i < 6000; i++) {
		struct str url = url_of("us-east-1", i);

		if (get(d, url, i * 10, &h) == SNS_CERT_WAITING)
			missing(d, url, i * 10);
		else
			quiet++;
	}
	/* a minute: 8 at once, and two a second */
	assert_true(count <= 8 + 120 && count >= 120);
	assert_int_equal(count + quiet, 6000);
	count = 0;
	for (unsigned i = 0; i < 6000; i++) {
		struct str url;

		(void)snprintf(region, sizeof(region), "us-x-%u", i);
		url = url_of(region, i);
		if (get(d, url, 100000 + i, &h) == SNS_CERT_WAITING)
			failed(d, url, 100000 + i);
	}
	/* six seconds, ever-new hosts: 64 at once, and eight a second */
	assert_true(count <= 64 + 48);
	desk_free(d);
}

/* S10: what the host answers is one PEM block, or it's a failure. */
static void junk_is_a_failure(void **state)
{
	static const char *const junk[] = { "", "<xml/>", "pem" };
	struct desk *d = desk_new();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct str url = url_of("us-east-1", i);
		struct heard h = { 0 };
		struct buf both = BUF_INIT(65536);

		buf_printf(&both, "<value>%s</value>", pem);
		assert_int_equal(get(d, url, 0, &h), SNS_CERT_WAITING);
		sns_certs_fetched(d->certs, url.p,
				  i < 3 ? str_from(junk[i]) : buf_str(&both),
				  NULL, 0);
		assert_int_equal(h.times, 1);
		assert_false(h.good);
		assert_true(h.problem[0]);
		assert_int_equal(get(d, url, 1, &h), -EAGAIN);
		buf_fini(&both);
	}
	desk_free(d);
}

static void port_443_is_the_same(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };
	struct str with = STR("https://sns.us-east-1.amazonaws.com:443/"
			      "SimpleNotificationService-"
			      "0123456789abcdef0123456789abcdef.pem");

	(void)state;
	assert_int_equal(get(d, with, 0, &h), SNS_CERT_WAITING);
	assert_string_equal(d->url[0], CERT_URL);
	fetched(d, STR(CERT_URL), 0);
	assert_int_equal(get(d, STR(CERT_URL), 0, &h), SNS_CERT_HELD);
	assert_int_equal(get(d, with, 0, &h), SNS_CERT_HELD);
	desk_free(d);
}

static void fetches_four_at_a_time(void **state)
{
	struct desk *d = desk_new();
	struct heard h[HOSTS_FULL] = { { 0 } };

	(void)state;
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		assert_int_equal(get(d, url_of("us-east-1", i), 0, &h[i]),
				 SNS_CERT_WAITING);
	assert_int_equal(d->asked, FETCHES);
	for (unsigned i = 0; i < HOSTS_FULL; i++) {
		fetched(d, url_of("us-east-1", i), 0);
		assert_int_equal(d->asked,
				 i + 5 < HOSTS_FULL ? i + 5 : HOSTS_FULL);
		assert_true(h[i].times == 1 && h[i].good);
	}
	/* in the order in which they were wanted */
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		assert_string_equal(d->url[i], url_of("us-east-1", i).p);
	desk_free(d);
}

static void bounds_what_is_wanted(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };
	char region[32];

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(get(d, url_of("us-east-1", i), 0, &h),
				 i < HOSTS_FULL ? SNS_CERT_WAITING : -EBUSY);
	/* one host's crowd keeps no other out; all together do */
	for (unsigned i = 0; i < 80; i++) {
		(void)snprintf(region, sizeof(region), "eu-west-%u", i);
		assert_int_equal(get(d, url_of(region, i), 0, &h),
				 i < ALL - HOSTS_FULL ? SNS_CERT_WAITING
						      : -EBUSY);
	}
	assert_int_equal(d->asked, FETCHES);
	/* an URL that is on its way is waited for, full or not */
	assert_int_equal(get(d, url_of("us-east-1", 0), 0, &h),
			 SNS_CERT_WAITING);
	desk_free(d);
	assert_int_equal(h.times, ALL + 1);
}

static void refuses_what_is_no_url(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };
	char room[600];

	(void)state;
	assert_int_equal(get(d, STR(""), 0, &h), -EINVAL);
	assert_int_equal(get(d, STR("http://h/x"), 0, &h), -EINVAL);
	assert_int_equal(get(d, STR("https://h"), 0, &h), -EINVAL);
	assert_int_equal(get(d, STR("https:///x"), 0, &h), -EINVAL);
	memset(room, 'a', sizeof(room));
	memcpy(room, "https://h/", 10);
	assert_int_equal(get(d, (struct str){ room, 513 }, 0, &h), -EINVAL);
	assert_int_equal(get(d, (struct str){ room, 512 }, 0, &h),
			 SNS_CERT_WAITING);
	assert_int_equal(d->asked, 1);
	assert_int_equal(strlen(d->url[0]), 512);
	desk_free(d);
}

static void least_recently_used_goes(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };

	(void)state;
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		hold(d, url_of("us-east-1", i));
	assert_int_equal(get(d, url_of("us-east-1", 0), 0, &h), SNS_CERT_HELD);
	hold(d, url_of("us-east-1", 100));
	assert_true(held(d, url_of("us-east-1", 0), &h));
	assert_false(held(d, url_of("us-east-1", 1), &h));
	assert_true(held(d, url_of("us-east-1", 2), &h));
	assert_true(held(d, url_of("us-east-1", 100), &h));
	/* another host's are another's */
	hold(d, url_of("eu-west-1", 1));
	assert_true(held(d, url_of("us-east-1", 2), &h));
	desk_free(d);
}

/* Have the certificate of url verify a message. */
static void prove(struct desk *d, struct str url)
{
	struct sns_message m = usual_message();
	char *signature = sign_message(&m, key);
	const struct sns_cert *cert;
	struct heard h;

	assert_int_equal(
		sns_certs_get(&cert, d->certs, url, 0, note_ready, &h, NULL),
		SNS_CERT_HELD);
	assert_int_equal(sns_verify(&m, cert, WHEN_MS, NULL), SNS_GENUINE);
	sns_cert_release(cert);
	free(signature);
}

/* Certificates that exist but sign nothing can't push out one that does. */
static void proven_ones_stay(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };

	(void)state;
	hold(d, url_of("us-east-1", 0));
	prove(d, url_of("us-east-1", 0));
	for (unsigned i = 1; i < 100; i++)
		hold(d, url_of("us-east-1", i));
	assert_true(held(d, url_of("us-east-1", 0), &h));
	assert_false(held(d, url_of("us-east-1", 92), &h));
	assert_true(held(d, url_of("us-east-1", 93), &h));
	desk_free(d);
}

/* S13: names that somebody makes up, far more than fit anywhere. */
static void failures_displace_no_certificate(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };

	(void)state;
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		hold(d, url_of("us-east-1", i));
	for (unsigned i = 1000; i < 1200; i++) {
		assert_int_equal(get(d, url_of("us-east-1", i), 500 * i, &h),
				 SNS_CERT_WAITING);
		missing(d, url_of("us-east-1", i), 500 * i);
	}
	for (unsigned i = 0; i < HOSTS_FULL; i++)
		assert_true(held(d, url_of("us-east-1", i), &h));
	/* the latest eight failures are still known */
	assert_int_equal(get(d, url_of("us-east-1", 1192), 600000, &h),
			 -EAGAIN);
	assert_int_equal(get(d, url_of("us-east-1", 1191), 600000, &h),
			 SNS_CERT_WAITING);
	desk_free(d);
}

static void holds_sixty_four(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };
	char region[32];
	size_t count = 0;

	(void)state;
	for (unsigned host = 0; host < 20; host++)
		for (unsigned i = 0; i < HOSTS_FULL; i++) {
			(void)snprintf(region, sizeof(region), "eu-west-%u",
				       host);
			hold(d, url_of(region, i));
		}
	for (unsigned host = 0; host < 20; host++)
		for (unsigned i = 0; i < HOSTS_FULL; i++) {
			(void)snprintf(region, sizeof(region), "eu-west-%u",
				       host);
			d->asked = 0;
			count += held(d, url_of(region, i), &h);
		}
	assert_int_equal(count, ALL);
	desk_free(d);
}

/* One that is in use outlives its place in the cache, and the cache. */
static void certificates_outlive_eviction(void **state)
{
	struct desk *d = desk_new();
	const struct sns_cert *cert;
	struct heard h = { 0 };

	(void)state;
	hold(d, url_of("us-east-1", 0));
	assert_int_equal(sns_certs_get(&cert, d->certs, url_of("us-east-1", 0),
				       0, note_ready, &h, NULL),
			 SNS_CERT_HELD);
	for (unsigned i = 1; i < 10; i++)
		hold(d, url_of("us-east-1", i));
	assert_false(held(d, url_of("us-east-1", 0), &h));
	desk_free(d);
	assert_true(sns_cert_valid_at(cert, WHEN_MS));
	sns_cert_release(cert);
}

static void unknown_answers_are_dropped(void **state)
{
	struct desk *d = desk_new();
	struct heard h = { 0 };
	struct str url = url_of("us-east-1", 1);

	(void)state;
	fetched(d, url, 0);
	assert_int_equal(get(d, url, 0, &h), SNS_CERT_WAITING);
	fetched(d, url, 0);
	failed(d, url, 0);
	fetched(d, url, 0);
	assert_int_equal(h.times, 1);
	assert_int_equal(get(d, url, 0, &h), SNS_CERT_HELD);
	desk_free(d);
}

static void the_end_is_told(void **state)
{
	struct desk *d = desk_new();
	struct heard h[6] = { { 0 } };

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(get(d, url_of("us-east-1", i), 0, &h[i]),
				 SNS_CERT_WAITING);
	desk_free(d);
	for (unsigned i = 0; i < 6; i++)
		assert_true(h[i].times == 1 && !h[i].good);
	sns_certs_free(NULL);
}

/* A fetch may be over before it has begun. */
static void fetch_at_once(const char *url, void *arg)
{
	struct desk *d = arg;

	d->asked++;
	sns_certs_fetched(d->certs, url, str_from(pem), NULL, 0);
}

static void fetch_may_answer_at_once(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct heard h = { 0 };

	(void)state;
	assert_int_equal(sns_certs_new(&d->certs, fetch_at_once, d), 0);
	assert_int_equal(get(d, STR(CERT_URL), 0, &h), SNS_CERT_WAITING);
	assert_true(h.times == 1 && h.good);
	assert_int_equal(get(d, STR(CERT_URL), 0, &h), SNS_CERT_HELD);
	desk_free(d);
}

static int setup(void **state)
{
	(void)state;
	key = EVP_RSA_gen(2048);
	pem = make_pem(key, usual_form());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	free(pem);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetches_once_for_all_waiters),
		cmocka_unit_test(remembers_what_is_missing),
		cmocka_unit_test(leaves_a_failing_host_alone),
		cmocka_unit_test(tries_a_failing_host_by_one),
		cmocka_unit_test(bounds_what_brings_nothing),
		cmocka_unit_test(junk_is_a_failure),
		cmocka_unit_test(port_443_is_the_same),
		cmocka_unit_test(fetches_four_at_a_time),
		cmocka_unit_test(bounds_what_is_wanted),
		cmocka_unit_test(refuses_what_is_no_url),
		cmocka_unit_test(least_recently_used_goes),
		cmocka_unit_test(proven_ones_stay),
		cmocka_unit_test(failures_displace_no_certificate),
		cmocka_unit_test(holds_sixty_four),
		cmocka_unit_test(certificates_outlive_eviction),
		cmocka_unit_test(unknown_answers_are_dropped),
		cmocka_unit_test(the_end_is_told),
		cmocka_unit_test(fetch_may_answer_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
