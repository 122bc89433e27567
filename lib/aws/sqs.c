#include "aws/sqs.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "doc/json.h"
#include "doc/jsonw.h"

/* AWS's are 1,024 characters at most. */
#define HANDLE_MAX 8192
#define ID_MAX 256
#define MD5_BYTES 16

/* ---- queue URLs ---- */

struct str sqs_queue_name(struct str url)
{
	while (url.n && url.p[url.n - 1] == '/')
		url.n--;
	for (size_t i = url.n; i > 0; i--)
		if (url.p[i - 1] == '/')
			return str_sub(url, i, url.n - i);
	return url;
}

bool sqs_queue_is_fifo(struct str url)
{
	return str_ends(url, ".fifo");
}

static bool only_letters(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'a' || s.p[i] > 'z')
			return false;
	return s.n > 0;
}

/* us-east-1, us-gov-west-1, eusc-de-east-1 */
static bool like_region(struct str s)
{
	struct str word, last = STR_NONE;
	unsigned words = 0;

	while (str_cut(&s, '-', &word)) {
		if (s.p && !only_letters(word))
			return false;
		last = word;
		words++;
	}
	return words >= 3 && words <= 5 && last.n >= 1 && last.n <= 2 &&
	       last.p[0] >= '1' && last.p[0] <= '9' &&
	       (last.n == 1 || (last.p[1] >= '0' && last.p[1] <= '9'));
}

/*
 * sqs.REGION.SUFFIX, sqs-fips.REGION.SUFFIX, VPCE.sqs.REGION.vpce.SUFFIX, and
 * the elder REGION.queue.SUFFIX, queue.amazonaws.com.
 */
struct str sqs_queue_region(struct str url)
{
	ssize_t at = str_find(url, STR("://"));
	struct str host, label, before = STR_NONE;

	if (at < 0)
		return STR_NONE;
	url = str_sub(url, (size_t)at + 3, url.n - (size_t)at - 3);
	if (!str_cut(&url, '/', &host))
		return STR_NONE;
	if (str_is(host, "queue.amazonaws.com"))
		return STR("us-east-1");
	while (str_cut(&host, '.', &label)) {
		bool named = str_is(before, "sqs") ||
			     str_is(before, "sqs-fips");

		if (named && like_region(label))
			return label;
		if (str_is(label, "queue") && like_region(before))
			return before;
		before = label;
	}
	return STR_NONE;
}

/* ---- requests ---- */

void sqs_put_receive(struct buf *out, const struct sqs_receive *r)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "QueueUrl", r->queue_url);
	jsonw_kint(&w, "MaxNumberOfMessages", SQS_BATCH);
	jsonw_kint(&w, "WaitTimeSeconds", r->wait_s);
	jsonw_kint(&w, "VisibilityTimeout", r->visibility_s);
	jsonw_key(&w, "MessageSystemAttributeNames");
	jsonw_array(&w);
	jsonw_cstr(&w, "SentTimestamp");
	jsonw_cstr(&w, "ApproximateReceiveCount");
	jsonw_cstr(&w, "MessageGroupId");
	jsonw_end_array(&w);
	if (r->attempt.p)
		jsonw_kstr(&w, "ReceiveRequestAttemptId", r->attempt);
	jsonw_end_object(&w);
}

static void put_batch(struct buf *out, struct str queue_url,
		      const struct str *handles, const unsigned *seconds,
		      size_t count)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "QueueUrl", queue_url);
	jsonw_key(&w, "Entries");
	jsonw_array(&w);
	for (size_t i = 0; i < count; i++) {
		char id[2] = { (char)('0' + i % SQS_BATCH), '\0' };

		jsonw_object(&w);
		jsonw_kcstr(&w, "Id", id);
		jsonw_kstr(&w, "ReceiptHandle", handles[i]);
		if (seconds)
			jsonw_kint(&w, "VisibilityTimeout", seconds[i]);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
}

void sqs_put_delete(struct buf *out, struct str queue_url,
		    const struct str *handles, size_t count)
{
	put_batch(out, queue_url, handles, NULL, count);
}

void sqs_put_visibility(struct buf *out, struct str queue_url,
			const struct str *handles, const unsigned *seconds,
			size_t count)
{
	put_batch(out, queue_url, handles, seconds, count);
}

void sqs_put_attributes(struct buf *out, struct str queue_url)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "QueueUrl", queue_url);
	jsonw_key(&w, "AttributeNames");
	jsonw_array(&w);
	jsonw_cstr(&w, "All");
	jsonw_end_array(&w);
	jsonw_end_object(&w);
}

/* ---- answers ---- */

static bool read_message(struct sqs_message *out, const struct json *v)
{
	const struct json *attributes = json_get(v, "Attributes");
	uint64_t sent = 0, receives = 0;

	*out = (struct sqs_message){
		.id = json_get_str(v, "MessageId"),
		.handle = json_get_str(v, "ReceiptHandle"),
		.body = json_get_str(v, "Body"),
		.md5 = json_get_str(v, "MD5OfBody"),
		.group = json_get_str(attributes, "MessageGroupId"),
		.receives = 1,
	};
	if (!str_to_u64(&sent, json_get_str(attributes, "SentTimestamp")) &&
	    sent < INT64_MAX / 2)
		out->sent_ms = (int64_t)sent;
	if (!str_to_u64(&receives, json_get_str(attributes,
						"ApproximateReceiveCount")) &&
	    receives)
		out->receives = receives < 1000000 ? (unsigned)receives :
						     1000000;
	return out->body.p && out->handle.n && out->handle.n <= HANDLE_MAX &&
	       out->id.n && out->id.n <= ID_MAX && out->group.n <= ID_MAX;
}

int sqs_read_messages(struct sqs_message out[SQS_BATCH], unsigned *unusable,
		      const struct json *answer, struct err *err)
{
	const struct json *list = json_get(answer, "Messages");
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;
	int count = 0;

	*unusable = 0;
	if (!json_is(answer, JSON_OBJECT) ||
	    (list && !json_is(list, JSON_ARRAY)))
		return err_set(err, -EINVAL, "a receive's answer without a "
			       "list of Messages");
	for (size_t i = 0; i < n; i++) {
		if (count < SQS_BATCH &&
		    read_message(&out[count], json_item(list, i)))
			count++;
		else
			++*unusable;
	}
	return count;
}

/* An entry's place from its Id, which is ours. */
static bool place_of(size_t *out, const struct json *v, size_t count)
{
	struct str id = json_get_str(v, "Id");

	if (id.n != 1 || id.p[0] < '0' || (size_t)(id.p[0] - '0') >= count)
		return false;
	*out = (size_t)(id.p[0] - '0');
	return true;
}

static enum sqs_entry failed(const struct json *v)
{
	struct str code = json_get_str(v, "Code");

	if (json_bool(json_get(v, "SenderFault"), false) ||
	    str_is(code, "ReceiptHandleIsInvalid") ||
	    str_is(code, "AWS.SimpleQueueService.ReceiptHandleIsInvalid"))
		return SQS_ENTRY_GONE;
	return SQS_ENTRY_AGAIN;
}

void sqs_read_batch(enum sqs_entry *out, size_t count, struct str *code,
		    const struct json *answer)
{
	const struct json *good = json_get(answer, "Successful");
	const struct json *bad = json_get(answer, "Failed");
	size_t at;

	*code = STR_NONE;
	for (size_t i = 0; i < count; i++)
		out[i] = SQS_ENTRY_AGAIN;
	/* No more than was asked is believed. */
	for (size_t i = 0; i < json_count(good) && i < SQS_BATCH; i++)
		if (place_of(&at, json_item(good, i), count))
			out[at] = SQS_ENTRY_DONE;
	for (size_t i = 0; i < json_count(bad) && i < SQS_BATCH; i++) {
		if (!place_of(&at, json_item(bad, i), count))
			continue;
		out[at] = failed(json_item(bad, i));
		if (!code->p)
			*code = json_get_str(json_item(bad, i), "Code");
	}
}

struct str sqs_attribute(const struct json *answer, const char *name)
{
	return json_get_str(json_get(answer, "Attributes"), name);
}

/* ---- MD5OfBody ---- */

struct sqs_md5 {
	EVP_MD *md;
};

int sqs_md5_new(struct sqs_md5 **out)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct sqs_md5 *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (!m)
		return -ENOMEM;
	m->md = EVP_MD_fetch(NULL, "MD5", NULL);
	if (!m->md || EVP_Digest("", 0, sum, NULL, m->md, NULL) != 1) {
		ERR_clear_error();
		sqs_md5_free(m);
		return -ENOTSUP;
	}
	*out = m;
	return 0;
}

void sqs_md5_free(struct sqs_md5 *m)
{
	if (!m)
		return;
	EVP_MD_free(m->md);
	free(m);
}

enum sqs_sum sqs_md5_check(const struct sqs_md5 *m, struct str body,
			   struct str told)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!m || !told.p)
		return SQS_SUM_UNKNOWN;
	if (EVP_Digest(body.p, body.n, sum, &n, m->md, NULL) != 1 ||
	    n != MD5_BYTES) {
		ERR_clear_error();
		return SQS_SUM_UNKNOWN;
	}
	if (told.n != 2 * MD5_BYTES)
		return SQS_SUM_WRONG;
	for (size_t i = 0; i < MD5_BYTES; i++)
		if (told.p[2 * i] != digits[sum[i] >> 4] ||
		    told.p[2 * i + 1] != digits[sum[i] & 15])
			return SQS_SUM_WRONG;
	return SQS_SUM_RIGHT;
}
