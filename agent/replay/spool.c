#include "agent/replay/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITE_BYTES (256 << 10)
#define PAYLOAD_MAX (64 << 20)
#define HEAD_MAX (1 << 20)
#define STRINGS 7

/* Where an event lies in the file. */
struct entry {
	int64_t head, payload;
	uint32_t head_bytes, payload_bytes;
};

/* What stands in front of an event's strings. */
struct head {
	int64_t change_ms, sent_ms, received_ms;
	uint32_t position, n[STRINGS];
	char intake[16];
};

struct spool {
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct entry *list;		/* under lock */
	size_t count, ready, cap;	/* ready: in the file; under lock */
	bool ended;
	int rc;
	/* The reader's own. */
	struct buf out;			/* not written yet */
	int64_t at;			/* where out begins in the file */
	int64_t message, payload;	/* of the event before */
	uint32_t payload_bytes;
};

static int open_file(struct err *err)
{
	const char *folder = getenv("TMPDIR");
	struct buf name = BUF_INIT(4096);
	int fd;

	if (!folder || !*folder)
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		buf_printf(&name, "%s/tocsin-XXXXXX", folder);
		fd = buf_error(&name) ? -1 : mkostemp(name.p, O_CLOEXEC);
		if (fd >= 0)
			unlink(name.p);
	}
	buf_fini(&name);
	return fd >= 0 ? fd : err_set(err, -errno, "no temporary file can be "
				      "made in %s: %m; TMPDIR names another "
				      "folder", folder);
}

int spool_new(struct spool **out, struct err *err)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->fd = open_file(err);
	if (s->fd < 0) {
		int rc = s->fd;

		free(s);
		return rc;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	buf_init(&s->out, PAYLOAD_MAX * 2);
	s->message = -1;
	*out = s;
	return 0;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	close(s->fd);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
	buf_fini(&s->out);
	free(s->list);
	free(s);
}

/* What has gathered goes to the file, and may be read then. */
static int flush(struct spool *s)
{
	size_t done = 0;

	if (buf_error(&s->out))
		return buf_error(&s->out);
	while (done < s->out.n) {
		ssize_t n = pwrite(s->fd, s->out.p + done, s->out.n - done,
				   s->at + (int64_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	s->at += (int64_t)done;
	buf_reset(&s->out);
	pthread_mutex_lock(&s->lock);
	s->ready = s->count;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int64_t put(struct spool *s, const void *p, size_t n)
{
	int64_t at = s->at + (int64_t)s->out.n;

	buf_put(&s->out, p, n);
	return at;
}

static int add_entry(struct spool *s, const struct entry *e)
{
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4096;
		struct entry *list = reallocarray(s->list, cap,
						  sizeof(*list));

		if (list) {
			s->list = list;
			s->cap = cap;
		} else {
			rc = -ENOMEM;
		}
	}
	if (!rc)
		s->list[s->count++] = *e;
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int take_payload(struct spool *s, const struct event *e)
{
	int64_t message = e->first ? e->first : e->seq;

	if (e->payload.p) {
		if (e->payload.n > PAYLOAD_MAX)
			return -E2BIG;
		s->payload = put(s, e->payload.p, e->payload.n);
		s->payload_bytes = (uint32_t)e->payload.n;
		s->message = message;
		return 0;
	}
	return message >= 0 && message == s->message ? 0 : -ENOENT;
}

int spool_add(struct spool *s, const struct event *e, struct str ci_id)
{
	const struct str strings[STRINGS] = { e->id, e->topic, e->message_id,
					      e->subject, e->kind, ci_id,
					      e->world };
	struct head h = { .change_ms = e->change_ms, .sent_ms = e->sent_ms,
			  .received_ms = e->received_ms,
			  .position = e->position };
	struct entry entry = { 0 };
	size_t bytes = sizeof(h), n = strlen(e->intake);
	int rc = take_payload(s, e);

	if (rc)
		return rc;
	memcpy(h.intake, e->intake, n < 15 ? n : 15);
	for (size_t i = 0; i < STRINGS; i++) {
		h.n[i] = (uint32_t)strings[i].n;
		bytes += strings[i].n + 1;
	}
	if (bytes > HEAD_MAX)
		return -E2BIG;
	entry.payload = s->payload;
	entry.payload_bytes = s->payload_bytes;
	entry.head = put(s, &h, sizeof(h));
	entry.head_bytes = (uint32_t)bytes;
	for (size_t i = 0; i < STRINGS; i++) {
		buf_put_str(&s->out, strings[i]);
		buf_putc(&s->out, '\0');
	}
	rc = add_entry(s, &entry);
	if (!rc && s->out.n >= WRITE_BYTES)
		rc = flush(s);
	return rc;
}

void spool_end(struct spool *s, int rc)
{
	if (!rc)
		rc = flush(s);
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->rc = rc;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
}

size_t spool_count(struct spool *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->count;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* ---- reading ---- */

void spool_cursor_init(struct spool_cursor *c)
{
	*c = (struct spool_cursor){ .payload_at = -1 };
	buf_init(&c->bytes, HEAD_MAX + 4096);
	buf_init(&c->payload, PAYLOAD_MAX + 4096);
}

void spool_cursor_fini(struct spool_cursor *c)
{
	buf_fini(&c->bytes);
	buf_fini(&c->payload);
}

static int load(struct buf *out, struct spool *s, int64_t at, size_t n)
{
	char *to;
	size_t done = 0;

	buf_reset(out);
	to = buf_room(out, n + 1);
	if (!to)
		return -ENOMEM;
	while (done < n) {
		ssize_t got = pread(s->fd, to + done, n - done,
				    at + (int64_t)done);

		if (got == 0)
			return -EIO;
		if (got < 0 && errno != EINTR)
			return -errno;
		done += got > 0 ? (size_t)got : 0;
	}
	buf_added(out, n);
	return 0;
}

static int wait_for(struct entry *out, struct spool *s, size_t n)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	while (n >= s->ready && !s->ended)
		pthread_cond_wait(&s->more, &s->lock);
	rc = n < s->ready ? 1 : s->rc;
	if (rc > 0)
		*out = s->list[n];
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int spool_get(struct spool_event *out, struct spool *s, size_t n,
	      struct spool_cursor *c)
{
	struct str *const strings[STRINGS] = {
		&out->event.id, &out->event.topic, &out->event.message_id,
		&out->event.subject, &out->event.kind, &out->ci_id,
		&out->event.world,
	};
	const struct head *h;
	const char *p;
	struct entry e;
	int rc = wait_for(&e, s, n);

	if (rc <= 0)
		return rc;
	rc = load(&c->bytes, s, e.head, e.head_bytes);
	if (!rc && c->payload_at != e.payload) {
		c->payload_at = -1;
		rc = load(&c->payload, s, e.payload, e.payload_bytes);
	}
	if (rc)
		return rc;
	c->payload_at = e.payload;
	memset(out, 0, sizeof(*out));
	h = (const struct head *)(const void *)c->bytes.p;
	p = c->bytes.p + sizeof(*h);
	for (size_t i = 0; i < STRINGS; i++) {
		*strings[i] = h->n[i] ? (struct str){ p, h->n[i] } : STR_NONE;
		p += h->n[i] + 1;
	}
	out->event.change_ms = h->change_ms;
	out->event.sent_ms = h->sent_ms;
	out->event.received_ms = h->received_ms;
	out->event.position = h->position;
	out->event.intake = h->intake;
	out->event.payload = buf_str(&c->payload);
	out->message = e.payload;
	return 1;
}
