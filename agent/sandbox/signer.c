#include "agent/sandbox/signer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "agent/sandbox/certs.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"

struct box_signer {
	struct box_pair pair;
	struct buf name, pem;
	pthread_mutex_t lock;
	EVP_PKEY *stranger; /* made when first asked for; under lock */
};

int box_signer_new(struct box_signer **out, const char *dir, struct err *err)
{
	struct box_signer *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&s->lock, NULL);
	buf_init(&s->name, 256);
	buf_init(&s->pem, 16384);
	ret = box_certs_open(&s->pair, dir, err);
	if (!ret) {
		box_certs_put_pem(&s->pem, s->pair.cert);
		if (box_certs_put_name(&s->name, s->pair.cert) || !s->pem.n)
			ret = err_set(err, -EIO, "OpenSSL can't compute MD5");
	}
	if (ret)
		box_signer_free(s);
	else
		*out = s;
	return ret;
}

void box_signer_free(struct box_signer *s)
{
	if (!s)
		return;
	box_pair_fini(&s->pair);
	EVP_PKEY_free(s->stranger);
	buf_fini(&s->name);
	buf_fini(&s->pem);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct str box_signer_name(const struct box_signer *s)
{
	return buf_str(&s->name);
}

struct str box_signer_pem(const struct box_signer *s)
{
	return buf_str(&s->pem);
}

struct str box_arn_region(struct str arn)
{
	struct str field = STR_NONE;

	for (int i = 0; i < 4; i++)
		if (!str_cut(&arn, ':', &field))
			return STR_NONE;
	return field;
}

void box_sns_put_host(struct buf *out, struct str arn)
{
	struct str region = box_arn_region(arn);
	const char *suffix = "amazonaws.com";

	if (str_starts(region, "cn-"))
		suffix = "amazonaws.com.cn";
	else if (str_starts(region, "eusc-"))
		suffix = "amazonaws.eu";
	buf_printf(out, "sns.%.*s.%s", STR_ARG(region), suffix);
}

void box_put_uuid(struct buf *out)
{
	uint8_t b[16];

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x50);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf_putc(out, '-');
		encode_hex(out, &b[i], 1);
	}
}

static void put_subscribe_url(struct buf *out, const struct box_envelope *e)
{
	buf_puts(out, "https://");
	box_sns_put_host(out, e->topic_arn);
	buf_printf(out, "/?Action=ConfirmSubscription&TopicArn=%.*s&Token=%.*s",
		   STR_ARG(e->topic_arn), STR_ARG(e->token));
}

static void put_pair(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s\n", name);
	buf_put_str(out, value);
	buf_putc(out, '\n');
}

/* AWS, "Verifying the signatures of Amazon SNS messages". */
static void put_signed(struct buf *out, const struct box_envelope *e)
{
	struct buf url = BUF_INIT(4096);

	put_pair(out, "Message", e->message);
	put_pair(out, "MessageId", e->message_id);
	if (e->token.p) {
		put_subscribe_url(&url, e);
		put_pair(out, "SubscribeURL", buf_str(&url));
	} else if (e->subject.p) {
		put_pair(out, "Subject", e->subject);
	}
	put_pair(out, "Timestamp", e->timestamp);
	if (e->token.p)
		put_pair(out, "Token", e->token);
	put_pair(out, "TopicArn", e->topic_arn);
	put_pair(out, "Type", str_from(e->type));
	buf_fini(&url);
}

static EVP_PKEY *key_for(struct box_signer *s, const struct box_envelope *e)
{
	EVP_PKEY *key;

	if (!e->stranger)
		return s->pair.key;
	pthread_mutex_lock(&s->lock);
	if (!s->stranger)
		s->stranger = box_certs_stranger();
	key = s->stranger;
	pthread_mutex_unlock(&s->lock);
	return key;
}

int box_sign(struct buf *out, struct box_signer *s,
	     const struct box_envelope *e)
{
	struct buf text = BUF_INIT(8 << 20);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[512];
	size_t n = sizeof(sig);
	int ret = -EIO;

	put_signed(&text, e);
	if (!buf_error(&text) && ctx &&
	    EVP_DigestSignInit(ctx, NULL,
			       e->version == 2 ? EVP_sha256() : EVP_sha1(),
			       NULL, key_for(s, e)) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text.p,
			   text.n) == 1) {
		encode_base64(out, sig, n);
		ret = 0;
	}
	EVP_MD_CTX_free(ctx);
	buf_fini(&text);
	return ret;
}

/* A character beyond the BMP, as SNS writes it: two escapes. */
static size_t put_wide(struct buf *out, const unsigned char *p, size_t left)
{
	uint32_t c;

	if (left < 4)
		return left;
	c = (uint32_t)(p[0] & 7) << 18 | (uint32_t)(p[1] & 63) << 12 |
	    (uint32_t)(p[2] & 63) << 6 | (uint32_t)(p[3] & 63);
	c -= 0x10000;
	buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10 & 0x3ff),
		   0xdc00 + (c & 0x3ff));
	return 4;
}

/* SNS's JSON text: UTF-8 as it is, beyond the BMP and below blank escaped. */
static void put_quoted(struct buf *out, struct str s)
{
	static const char plain[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";

	buf_putc(out, '"');
	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i];
		const char *at = c ? strchr(plain, c) : NULL;

		if (at)
			buf_printf(out, "\\%c", letter[at - plain]);
		else if (c < ' ')
			buf_printf(out, "\\u%04x", c);
		else if (c < 0xf0)
			buf_putc(out, (char)c);
		if (c < 0xf0)
			i++;
		else
			i += put_wide(out, (const unsigned char *)s.p + i,
				      s.n - i);
	}
	buf_putc(out, '"');
}

struct writer {
	struct buf *out;
	const struct json *replace;
	bool comma;
};

static void put_field(struct writer *w, const char *name, struct str value)
{
	const struct json *other = json_get(w->replace, name);

	buf_printf(w->out, "%s  \"%s\" : ", w->comma ? ",\n" : "", name);
	w->comma = true;
	if (other && !json_is(other, JSON_STRING))
		json_put(w->out, other);
	else
		put_quoted(w->out, other ? json_str(other) : value);
}

static void put_attributes(struct writer *w, const struct json *attributes)
{
	const struct json *value;
	const char *comma = "";
	struct str key;
	void *at = NULL;

	buf_puts(w->out, ",\n  \"MessageAttributes\" : {");
	while (json_next(attributes, &at, &key, &value)) {
		struct str type = json_get_str(value, "Type");

		buf_printf(w->out, "%s\n    ", comma);
		put_quoted(w->out, key);
		buf_puts(w->out, " : {\"Type\":");
		put_quoted(w->out, type.p ? type : STR("String"));
		buf_puts(w->out, ",\"Value\":");
		put_quoted(w->out, json_get_str(value, "Value"));
		buf_putc(w->out, '}');
		comma = ",";
	}
	buf_puts(w->out, *comma ? "\n  }" : "}");
}

static void put_certificate(struct writer *w, const struct box_signer *s,
			    const struct box_envelope *e)
{
	struct buf url = BUF_INIT(4096);

	buf_puts(&url, "https://");
	box_sns_put_host(&url, e->topic_arn);
	buf_printf(&url, "/%.*s", STR_ARG(buf_str(&s->name)));
	put_field(w, "SigningCertURL", buf_str(&url));
	buf_fini(&url);
}

static void put_unsubscribe(struct writer *w, const struct box_envelope *e)
{
	struct buf url = BUF_INIT(4096);

	buf_puts(&url, "https://");
	box_sns_put_host(&url, e->topic_arn);
	buf_printf(&url, "/?Action=Unsubscribe&SubscriptionArn=%.*s",
		   STR_ARG(e->subscription_arn));
	put_field(w, "UnsubscribeURL", buf_str(&url));
	buf_fini(&url);
}

void box_envelope_put(struct buf *out, const struct box_signer *s,
		      const struct box_envelope *e, struct str signature,
		      const struct json *replace)
{
	struct writer w = { .out = out, .replace = replace };
	struct buf url = BUF_INIT(4096);

	buf_puts(out, "{\n");
	put_field(&w, "Type", str_from(e->type));
	put_field(&w, "MessageId", e->message_id);
	if (e->token.p)
		put_field(&w, "Token", e->token);
	put_field(&w, "TopicArn", e->topic_arn);
	if (!e->token.p && e->subject.p)
		put_field(&w, "Subject", e->subject);
	put_field(&w, "Message", e->message);
	if (e->token.p) {
		put_subscribe_url(&url, e);
		put_field(&w, "SubscribeURL", buf_str(&url));
	}
	put_field(&w, "Timestamp", e->timestamp);
	put_field(&w, "SignatureVersion",
		  e->version == 2 ? STR("2") : STR("1"));
	put_field(&w, "Signature", signature);
	put_certificate(&w, s, e);
	if (!e->token.p)
		put_unsubscribe(&w, e);
	if (e->attributes && json_count(e->attributes))
		put_attributes(&w, e->attributes);
	buf_puts(out, "\n}");
	buf_fini(&url);
}
