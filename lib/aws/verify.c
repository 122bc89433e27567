#include "aws/cert.h"

#include <errno.h>

#include "aws/certificate.h"
#include "aws/partition.h"
#include "aws/sns.h"
#include "base/clock.h"
#include "base/encode.h"

/* Until then SNS signed with 1024 bits and, at first, without SAN. */
#define Y2014_MS INT64_C(1388534400000)

enum { TEXT_MAX = 8 << 20 };

static bool signs_for(const struct sns_cert *cert, const struct sns_message *m)
{
	const struct partition *p = partition_find(m->partition);
	struct str rest = buf_str(&cert->names), name;

	while (p && str_cut(&rest, '\n', &name))
		if (name.n && partition_signs(p, m->region, name))
			return true;
	return false;
}

static enum sns_verdict outside_validity(const struct sns_cert *cert,
					 int64_t at_ms, struct err *err)
{
	struct buf from = BUF_INIT(64), until = BUF_INIT(64), at = BUF_INIT(64);

	clock_put_seconds(&from, cert->from_ms);
	clock_put_seconds(&until, cert->until_ms);
	clock_put_seconds(&at, at_ms);
	(void)err_set(err, 0,
		      "the signing certificate is valid from %s to %s, "
		      "not at %s",
		      buf_str(&from).p, buf_str(&until).p, buf_str(&at).p);
	buf_fini(&from);
	buf_fini(&until);
	buf_fini(&at);
	return SNS_BAD_CERT;
}

static enum sns_verdict check_cert(const struct sns_message *m,
				   const struct sns_cert *cert, int64_t at_ms,
				   struct err *err)
{
	if (!sns_cert_valid_at(cert, at_ms))
		return outside_validity(cert, at_ms, err);
	if (at_ms >= Y2014_MS && key_bits(cert->key) < 2048) {
		(void)err_set(err, 0,
			      "the signing certificate's key has %d "
			      "bits, fewer than 2048",
			      key_bits(cert->key));
		return SNS_BAD_CERT;
	}
	if ((at_ms >= Y2014_MS && cert->by_subject) || !signs_for(cert, m)) {
		(void)err_set(err, 0,
			      "the signing certificate isn't that of "
			      "SNS in %.*s",
			      STR_ARG(utf8_cut(m->region, 64)));
		return SNS_BAD_CERT;
	}
	return SNS_GENUINE;
}

/* Length of the hash of the signed string, 0 where it can't be had. */
static size_t hash_of(unsigned char out[KEY_DIGEST_MAX],
		      const struct sns_message *m, const struct sns_cert *cert,
		      enum key_hash hash)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	size_t n = 0;

	/* One allocation instead of a doubling row of them. */
	(void)buf_room(&text, m->message.n + 1024);
	sns_signed_string(&text, m);
	if (!buf_error(&text))
		n = key_digest(out, cert->key, hash, buf_str(&text));
	buf_fini(&text);
	return n;
}

static enum sns_verdict cannot_say(const struct sns_message *m, struct err *err)
{
	(void)err_set(err, 0,
		      "the signature (%s) can't be computed on this "
		      "system: out of memory, or its crypto policy refuses",
		      m->signature_version == 1 ? "SHA-1" : "SHA-256");
	return SNS_CANNOT_SAY;
}

static enum sns_verdict check_signature(const struct sns_message *m,
					const struct sns_cert *cert,
					struct err *err)
{
	enum key_hash hash = m->signature_version == 1 ? KEY_SHA1 : KEY_SHA256;
	unsigned char digest[KEY_DIGEST_MAX];
	struct buf signature = BUF_INIT(KEY_BYTES_MAX + 2);
	int r = decode_base64(&signature, m->signature);

	if (r == 0 && hash_of(digest, m, cert, hash) == 0)
		r = -ENOTSUP;
	else if (r == 0)
		r = key_verifies(cert->key, hash, digest, buf_str(&signature));
	buf_fini(&signature);
	if (r == -EINVAL || r == -E2BIG || r == 1) {
		(void)err_set(err, 0, "the signature is wrong");
		return SNS_FORGED;
	}
	return r ? cannot_say(m, err) : SNS_GENUINE;
}

enum sns_verdict sns_verify(const struct sns_message *m,
			    const struct sns_cert *cert, int64_t at_ms,
			    struct err *err)
{
	enum sns_verdict v = check_cert(m, cert, at_ms, err);

	if (v == SNS_GENUINE)
		v = check_signature(m, cert, err);
	/* Written once, lest every core fight for its cache line. */
	if (v == SNS_GENUINE &&
	    !atomic_load_explicit(&cert->proven, memory_order_relaxed))
		atomic_store_explicit(&((struct sns_cert *)cert)->proven, true,
				      memory_order_relaxed);
	return v;
}
