#include "tests/unit/aws/signer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/random.h"

/*
 * S13: threads that ask for a thousand made-up certificates and for two real
 * ones, and verify with what they get, while two threads fetch. Each ask is a
 * millisecond later.
 */
enum { SENDERS = 4, FETCHERS = 2, ROUNDS = 1500, MADE_UP = 1000, QUEUE = 64 };

static struct {
	struct sns_certs *certs;
	char *pem;
	struct sns_message message;

	pthread_mutex_t lock; /* guards the queue and what is counted here */
	pthread_cond_t more;
	char url[QUEUE][600];
	size_t n;
	char under_way[8][600];
	size_t flying, flying_max, fetches, real_fetches;
	bool twice, over;

	_Atomic int64_t now_ms;
	_Atomic unsigned long waiting, told, good, verified, refused;
} storm;

static const char *const real[] = {
	"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-"
	"0123456789abcdef0123456789abcdef.pem",
	"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-"
	"0123456789abcdef0123456789abcdef.pem",
};

static bool is_real(const char *url)
{
	return strcmp(url, real[0]) == 0 || strcmp(url, real[1]) == 0;
}

static void enqueue(const char *url, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&storm.lock);
	MUST(storm.n < QUEUE);
	(void)snprintf(storm.url[storm.n++], 600, "%s", url);
	for (size_t i = 0; i < 8; i++)
		if (strcmp(storm.under_way[i], url) == 0)
			storm.twice = true;
	for (size_t i = 0; i < 8; i++)
		if (!storm.under_way[i][0]) {
			(void)snprintf(storm.under_way[i], 600, "%s", url);
			break;
		}
	if (++storm.flying > storm.flying_max)
		storm.flying_max = storm.flying;
	storm.fetches++;
	if (is_real(url))
		storm.real_fetches++;
	pthread_cond_signal(&storm.more);
	pthread_mutex_unlock(&storm.lock);
}

/* The next URL to fetch; false at the end. */
static bool dequeue(char *url)
{
	bool any;

	pthread_mutex_lock(&storm.lock);
	while (storm.n == 0 && !storm.over)
		pthread_cond_wait(&storm.more, &storm.lock);
	any = storm.n > 0;
	if (any) {
		(void)snprintf(url, 600, "%s", storm.url[0]);
		storm.n--;
		memmove(storm.url[0], storm.url[1], storm.n * 600);
		storm.flying--;
		for (size_t i = 0; i < 8; i++)
			if (strcmp(storm.under_way[i], url) == 0)
				storm.under_way[i][0] = '\0';
	}
	pthread_mutex_unlock(&storm.lock);
	return any;
}

static void *fetcher(void *arg)
{
	char url[600];

	(void)arg;
	while (dequeue(url))
		sns_certs_fetched(storm.certs, url,
				  is_real(url) ? str_from(storm.pem) : STR(""),
				  "404", storm.now_ms);
	return NULL;
}

static void verify(const struct sns_cert *cert)
{
	MUST(sns_verify(&storm.message, cert, WHEN_MS, NULL) == SNS_GENUINE);
	storm.verified++;
}

static void ready(const struct sns_cert *cert, const char *problem, void *arg)
{
	(void)arg;
	MUST(!cert == !!problem);
	if (cert) {
		storm.good++;
		verify(cert);
	}
	storm.told++;
}

static int ask(struct str url)
{
	const struct sns_cert *cert;
	int r = sns_certs_get(&cert, storm.certs, url, ++storm.now_ms, ready,
			      NULL, NULL);

	if (r == SNS_CERT_WAITING) {
		storm.waiting++;
	} else if (r == SNS_CERT_HELD) {
		verify(cert);
		sns_cert_release(cert);
	} else {
		MUST(r == -EAGAIN || r == -EBUSY);
		storm.refused++;
	}
	return r;
}

static void *sender(void *arg)
{
	char url[256];

	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)snprintf(url, sizeof(url),
			       "https://sns.%s.amazonaws.com/"
			       "SimpleNotificationService-%032x.pem",
			       i % 2 ? "us-east-1" : "eu-west-1",
			       (unsigned)random_below(MADE_UP));
		(void)ask(str_from(url));
		if (i % 3 == 0)
			(void)ask(str_from(real[i % 2]));
	}
	return NULL;
}

static void holds_in_a_storm(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	pthread_t senders[SENDERS], fetchers[FETCHERS];
	const struct sns_cert *cert;
	char *signature;

	(void)state;
	storm.pem = make_pem(key, usual_form());
	storm.message = usual_message();
	signature = sign_message(&storm.message, key);
	pthread_mutex_init(&storm.lock, NULL);
	pthread_cond_init(&storm.more, NULL);
	assert_int_equal(sns_certs_new(&storm.certs, enqueue, NULL), 0);
	for (size_t i = 0; i < FETCHERS; i++)
		pthread_create(&fetchers[i], NULL, fetcher, NULL);
	for (size_t i = 0; i < SENDERS; i++)
		pthread_create(&senders[i], NULL, sender, NULL);
	for (size_t i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	/* however full it was, a real one can be had once it is over */
	for (size_t i = 0; i < 2; i++)
		while (ask(str_from(real[i])) < 0) {
			storm.now_ms += 500;
			sched_yield();
		}
	pthread_mutex_lock(&storm.lock);
	storm.over = true;
	pthread_cond_broadcast(&storm.more);
	pthread_mutex_unlock(&storm.lock);
	for (size_t i = 0; i < FETCHERS; i++)
		pthread_join(fetchers[i], NULL);

	assert_false(storm.twice);
	assert_true(storm.flying_max <= 4);
	assert_int_equal(storm.told, storm.waiting);
	assert_int_equal(storm.real_fetches, 2);
	/* two hosts: 8 each at once, and two a second */
	assert_true(storm.fetches <= 2 * (9 + (size_t)storm.now_ms / 500));
	assert_true(storm.verified > 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sns_certs_get(&cert, storm.certs,
					       str_from(real[i]), 0, ready,
					       NULL, NULL),
				 SNS_CERT_HELD);
		sns_cert_release(cert);
	}
	sns_certs_free(storm.certs);
	free(storm.pem);
	free(signature);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_in_a_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
