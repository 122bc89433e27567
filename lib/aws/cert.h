#ifndef AWS_CERT_H
#define AWS_CERT_H

#include "base/err.h"
#include "base/str.h"

/*
 * SNS signing certificates: a bounded cache (8 URLs a host, 64 in all), one
 * fetch a URL at a time however many wait, 4 fetches at a time. What a host
 * doesn't have is remembered for 15 s, a host that doesn't answer is tried
 * again after 2 s, then 4, then 8, and what brings nothing is bounded over
 * time. URLs that somebody makes up displace no certificate.
 * Lookups take no lock that a sender can hold: a reader sees an immutable
 * certificate. Safe from any thread.
 */
struct sns_certs;
struct sns_cert;
struct sns_message;

/*
 * Begin to fetch url and, later and from any thread, call
 * sns_certs_fetched(). Called without locks held, at most once a URL at a
 * time.
 */
typedef void sns_fetch(const char *url, void *arg);

int sns_certs_new(struct sns_certs **out, sns_fetch *fetch, void *arg);
/* Once no other thread uses it. Who still waits is told so, from here. */
void sns_certs_free(struct sns_certs *c);

/*
 * What a fetch brought: one PEM block and nothing else, else the host doesn't
 * have it; an empty body (problem says why) means the same. body.p == NULL:
 * the host failed, problem says how. Wakes all waiters, and may begin the next
 * fetch.
 */
void sns_certs_fetched(struct sns_certs *c, const char *url, struct str body,
		       const char *problem, int64_t mono_ms);

/* Called once, from the thread that calls sns_certs_fetched(). cert is NULL
 * and problem set where none could be had; both are lent for the call. */
typedef void sns_cert_ready(const struct sns_cert *cert, const char *problem,
			    void *arg);

enum { SNS_CERT_HELD = 0, SNS_CERT_WAITING = 1 };

/*
 * The certificate of a checked URL. SNS_CERT_HELD and *out (valid until
 * sns_cert_release) where it is at hand; SNS_CERT_WAITING where ready will be
 * called, perhaps before this returns; negative where it can't be had yet
 * (-EAGAIN) or the cache is full of fetches (-EBUSY; err says it; answer 503).
 */
int sns_certs_get(const struct sns_cert **out, struct sns_certs *c,
		  struct str url, int64_t mono_ms, sns_cert_ready *ready,
		  void *arg, struct err *err) MUST_CHECK;
void sns_cert_retain(const struct sns_cert *cert);
void sns_cert_release(const struct sns_cert *cert);

/* A certificate from PEM, outside any cache; for tests and commands. */
int sns_cert_read(struct sns_cert **out, struct str pem,
		  struct err *err) MUST_CHECK;
/* Its SHA-256 fingerprint: 64 hex digits. */
const char *sns_cert_sha256(const struct sns_cert *cert);
/* Is at_ms within its validity? Tells SNS_BAD_CERT for want of a right clock
 * from one for good. */
bool sns_cert_valid_at(const struct sns_cert *cert, int64_t at_ms);

enum sns_verdict {
	SNS_GENUINE = 0,
	SNS_FORGED = 1,		/* the signature is wrong: 403 */
	SNS_BAD_CERT = 2,	/* name or validity: 403; err says which */
	SNS_CANNOT_SAY = 3,	/* not computable here: 503 */
};

/*
 * Is m signed by cert, and is cert one that signs for m's region (subject
 * alternative name) and valid at at_ms? Over HTTPS at_ms is now; from a queue
 * the message's Timestamp. Where the system's policy refuses SHA-1 the
 * signature is recovered with the public key and compared by ourselves.
 */
enum sns_verdict sns_verify(const struct sns_message *m,
			    const struct sns_cert *cert, int64_t at_ms,
			    struct err *err) MUST_CHECK;

#endif
