/*
 * What SQS answers. The first byte says which call was asked. Whatever is
 * taken of a receive can be handed back as it came, and a batch's answer says
 * of no entry that it is done which it doesn't name.
 */
#include <assert.h>
#include <stdint.h>

#include "aws/sqs.h"
#include "doc/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hand_back(const struct sqs_message *list, size_t count)
{
	struct str handles[SQS_BATCH];
	struct buf b = BUF_INIT(8 << 20);
	struct json *v;

	for (size_t i = 0; i < count; i++)
		handles[i] = list[i].handle;
	sqs_put_delete(&b, STR("https://q"), handles, count);
	assert(!buf_error(&b));
	assert(json_parse(&v, buf_str(&b), 0, NULL) == 0);
	for (size_t i = 0; i < count; i++)
		assert(str_eq(json_get_str(json_item(json_get(v, "Entries"), i),
					   "ReceiptHandle"), handles[i]));
	json_free(v);
	buf_fini(&b);
}

static void receive(const struct json *v, const struct sqs_md5 *md5)
{
	struct sqs_message list[SQS_BATCH];
	struct err err = { "" };
	unsigned unusable;
	int n = sqs_read_messages(list, &unusable, v, &err);

	assert(n <= SQS_BATCH && (n < 0) == (err.text[0] != '\0'));
	if (n < 0)
		return;
	assert((size_t)n + unusable == json_count(json_get(v, "Messages")));
	for (int i = 0; i < n; i++) {
		const struct sqs_message *m = &list[i];

		assert(m->id.n && m->handle.n && m->body.p);
		assert(m->receives >= 1 && m->sent_ms >= 0);
		(void)sqs_md5_check(md5, m->body, m->md5);
	}
	hand_back(list, (size_t)n);
}

static void batch(const struct json *v, size_t count)
{
	enum sqs_entry e[SQS_BATCH];
	size_t done = 0;
	struct str code;

	sqs_read_batch(e, count, &code, v);
	for (size_t i = 0; i < count; i++)
		done += e[i] == SQS_ENTRY_DONE;
	assert(done <= json_count(json_get(v, "Successful")));
}

static void urls(struct str url)
{
	struct str region = sqs_queue_region(url);
	struct str name = sqs_queue_name(url);

	assert(!region.p || (region.n > 4 && region.n < 200));
	assert(name.n <= url.n);
	(void)sqs_queue_is_fifo(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sqs_md5 *md5;
	struct json *v;
	struct str text;

	if (size < 1 || size > 1 << 18)
		return 0;
	text = (struct str){ (const char *)data + 1, size - 1 };
	if (data[0] == 'u') {
		if (text.n < 150)
			urls(text);
		return 0;
	}
	if (json_parse(&v, text, 0, NULL))
		return 0;
	(void)!sqs_md5_new(&md5);
	if (data[0] == 'b')
		batch(v, SQS_BATCH);
	else if (data[0] >= '1' && data[0] <= '9')
		batch(v, (size_t)(data[0] - '0'));
	else
		receive(v, md5);
	(void)sqs_attribute(v, "Policy");
	sqs_md5_free(md5);
	json_free(v);
	return 0;
}
