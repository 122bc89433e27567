#include "aws/sigv4.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "aws/canonical.h"
#include "base/encode.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define REQUEST_MAX (256u << 10)

enum { HASH = 32, SLOTS = 8, DAY = 8 };

struct slot {
	bool used;
	unsigned char id[HASH]; /* of the secret and the scope */
	unsigned char key[HASH];
};

struct sigv4 {
	EVP_MAC_CTX *hmac;
	EVP_MD_CTX *sha256;
	struct slot slots[SLOTS];
	unsigned eldest;
};

int sigv4_new(struct sigv4 **out)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	struct sigv4 *s = calloc(1, sizeof(*s));
	EVP_MAC *mac;

	if (!s)
		return -ENOMEM;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (mac)
		s->hmac = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	s->sha256 = EVP_MD_CTX_new();
	if (!s->hmac || !s->sha256 ||
	    !EVP_MAC_CTX_set_params(s->hmac, params)) {
		ERR_clear_error();
		sigv4_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void sigv4_free(struct sigv4 *s)
{
	if (!s)
		return;
	EVP_MAC_CTX_free(s->hmac);
	EVP_MD_CTX_free(s->sha256);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

void sigv4_date(char out[17], int64_t time_ms)
{
	time_t t = (time_t)(time_ms / 1000);
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm) != 16)
		memcpy(out, "19700101T000000Z", 17);
}

static int hmac(unsigned char out[HASH], struct sigv4 *s, struct str key,
		struct str data)
{
	size_t n = 0;

	if (EVP_MAC_init(s->hmac, (const unsigned char *)key.p, key.n, NULL) &&
	    EVP_MAC_update(s->hmac, (const unsigned char *)data.p, data.n) &&
	    EVP_MAC_final(s->hmac, out, &n, HASH) && n == HASH)
		return 0;
	ERR_clear_error();
	return -EIO;
}

/* Each part with its end, so that no two scopes have one text. */
static int identify(unsigned char out[HASH], struct sigv4 *s,
		    const struct str *parts, size_t count)
{
	int ok = EVP_DigestInit_ex(s->sha256, EVP_sha256(), NULL);

	for (size_t i = 0; i < count; i++)
		ok = ok &&
		     EVP_DigestUpdate(s->sha256, &parts[i].n,
				      sizeof(parts[i].n)) &&
		     EVP_DigestUpdate(s->sha256, parts[i].p, parts[i].n);
	if (ok && EVP_DigestFinal_ex(s->sha256, out, NULL))
		return 0;
	ERR_clear_error();
	return -EIO;
}

static int derive(unsigned char out[HASH], struct sigv4 *s, struct str secret,
		  struct str day, struct str region, struct str service)
{
	const struct str key = { (const char *)out, HASH };
	struct buf first = BUF_INIT(secret.n + 4);
	int rc;

	buf_room(&first, secret.n + 4);
	buf_puts(&first, "AWS4");
	buf_put_str(&first, secret);
	rc = buf_error(&first);
	if (rc == 0)
		rc = hmac(out, s, buf_str(&first), day);
	if (rc == 0)
		rc = hmac(out, s, key, region);
	if (rc == 0)
		rc = hmac(out, s, key, service);
	if (rc == 0)
		rc = hmac(out, s, key, STR("aws4_request"));
	buf_wipe(&first);
	return rc;
}

static int signing_key(const unsigned char **out, struct sigv4 *s,
		       struct str secret, struct str day, struct str region,
		       struct str service)
{
	const struct str parts[] = { secret, day, region, service };
	struct slot fresh = { .used = true };
	int rc;

	rc = identify(fresh.id, s, parts, 4);
	if (rc)
		return rc;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->used &&
		    CRYPTO_memcmp(slot->id, fresh.id, HASH) == 0) {
			*out = slot->key;
			return 0;
		}
	}
	rc = derive(fresh.key, s, secret, day, region, service);
	if (rc == 0) {
		s->slots[s->eldest] = fresh;
		*out = s->slots[s->eldest].key;
		s->eldest = (s->eldest + 1) % SLOTS;
	}
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return rc;
}

static void put_scope(struct buf *out, struct str day, struct str region,
		      struct str service)
{
	buf_printf(out, "%.*s/%.*s/%.*s/aws4_request", STR_ARG(day),
		   STR_ARG(region), STR_ARG(service));
}

int sigv4_signature(struct buf *out, struct sigv4 *s, struct str canonical,
		    struct str secret, struct str region, struct str service,
		    int64_t time_ms)
{
	struct buf text = BUF_INIT(4096);
	const unsigned char *key;
	unsigned char hash[HASH];
	char date[17];
	struct str day = { date, DAY };
	int rc;

	sigv4_date(date, time_ms);
	if (EVP_Digest(canonical.p, canonical.n, hash, NULL, EVP_sha256(),
		       NULL) != 1) {
		ERR_clear_error();
		return -EIO;
	}
	buf_printf(&text, ALGORITHM "\n%s\n", date);
	put_scope(&text, day, region, service);
	buf_putc(&text, '\n');
	encode_hex(&text, hash, HASH);
	rc = buf_error(&text);
	if (rc == 0)
		rc = signing_key(&key, s, secret, day, region, service);
	if (rc == 0)
		rc = hmac(hash, s, (struct str){ (const char *)key, HASH },
			  buf_str(&text));
	if (rc == 0)
		encode_hex(out, hash, HASH);
	buf_fini(&text);
	return rc ? rc : buf_error(out);
}

/* Room for the canonical form at once: growing leaves copies behind. */
static size_t size_of(const struct sigv4_request *r)
{
	size_t n = 256 + 3 * (r->path.n + r->query.n);

	for (size_t i = 0; i < r->header_count; i++)
		n += 2 * r->headers[i].name.n + r->headers[i].value.n + 4;
	return n;
}

int sigv4_sign(struct buf *out, struct sigv4 *s, const struct sigv4_request *r,
	       const struct aws_keys *keys, struct str region,
	       struct str service, int64_t time_ms)
{
	struct buf canonical = BUF_INIT(REQUEST_MAX);
	struct canonical headers;
	size_t from = out->n;
	char date[17];
	int rc;

	rc = canonical_headers(&headers, r);
	if (rc)
		return rc;
	buf_room(&canonical, size_of(r));
	rc = canonical_request(&canonical, r, &headers, true);
	if (rc)
		goto out;
	sigv4_date(date, time_ms);
	buf_puts(out, ALGORITHM " Credential=");
	buf_put_str(out, keys->id);
	buf_putc(out, '/');
	put_scope(out, (struct str){ date, DAY }, region, service);
	buf_puts(out, ", SignedHeaders=");
	canonical_names(out, &headers);
	buf_puts(out, ", Signature=");
	rc = sigv4_signature(out, s, buf_str(&canonical), keys->secret, region,
			     service, time_ms);
out:
	if (rc)
		buf_truncate(out, from);
	buf_wipe(&canonical);
	canonical_fini(&headers);
	return rc;
}
