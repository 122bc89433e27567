#include "stackflow/context.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "stackflow/bound.h"
#include "stackflow/client.h"

#define NAME_MAX_BYTES 64
#define VALUE_MAX_BYTES 1024
#define DEPTH_MAX 64

const struct sf_bound_name sf_bound_names[SF_BOUND_NAMES] = {
#define NAME(field) offsetof(struct sf_context, field), #field
	{ NAME(org_id), "X-Org-Id", "ORG_ID" },
	{ NAME(workspace_id), "X-Workspace-Id", "WORKSPACE_ID" },
	{ NAME(service_id), "X-Service-Id", "SERVICE_ID" },
	{ NAME(execution_id), "X-Execution-Id", "EXECUTION_ID" },
	{ NAME(job_id), "X-Job-Id", "JOB_ID" },
	{ NAME(request_id), "X-Request-Id", "REQUEST_ID" },
	{ NAME(ring_id), "X-Ring-Id", "RING_ID" },
#undef NAME
};

/* One thread's bindings, the innermost on top. */
struct bound_thread {
	struct bound_thread *next, *prev;
	struct sf_bounds *bounds;
	struct sf_bound *top;
	unsigned depth;
};

/* What one binding says by itself; an empty value takes an outer one away. */
struct given {
	struct str name, value;
};

int sf_bounds_init(struct sf_bounds *b)
{
	*b = (struct sf_bounds){ .outer = BUF_INIT(SF_BOUND_BYTES) };
	atomic_init(&b->keyed, false);
	if (pthread_mutex_init(&b->lock, NULL))
		return -ENOMEM;
	b->made = true;
	return 0;
}

/* Take the innermost off; a guise belongs to who put it there. */
static void pop(struct bound_thread *t)
{
	struct sf_bound *b = t->top;

	t->top = b->outer;
	t->depth--;
	b->thread = NULL;
	if (b->owned)
		free(b);
}

static void thread_free(struct bound_thread *t)
{
	while (t->top)
		pop(t);
	free(t);
}

/* The thread is at its end, with a binding or without. */
static void thread_ended(void *arg)
{
	struct bound_thread *t = arg;
	struct sf_bounds *b = t->bounds;

	pthread_mutex_lock(&b->lock);
	if (t->prev)
		t->prev->next = t->next;
	else
		b->threads = t->next;
	if (t->next)
		t->next->prev = t->prev;
	pthread_mutex_unlock(&b->lock);
	thread_free(t);
}

void sf_bounds_fini(struct sf_bounds *b)
{
	struct bound_thread *t;

	if (!b->made)
		return;
	if (atomic_load(&b->keyed))
		pthread_key_delete(b->key);
	while ((t = b->threads)) {
		b->threads = t->next;
		thread_free(t);
	}
	buf_fini(&b->outer);
	pthread_mutex_destroy(&b->lock);
	b->made = false;
}

static struct bound_thread *thread_of(const struct sf_bounds *b)
{
	return atomic_load(&b->keyed) ? pthread_getspecific(b->key) : NULL;
}

static int make_key(struct sf_bounds *b)
{
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	if (!atomic_load(&b->keyed)) {
		rc = -pthread_key_create(&b->key, thread_ended);
		if (rc == 0)
			atomic_store(&b->keyed, true);
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}

static int thread_make(struct bound_thread **out, struct sf_bounds *b)
{
	struct bound_thread *t = thread_of(b);
	int rc = t ? 0 : make_key(b);

	if (t || rc) {
		*out = t;
		return rc;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->bounds = b;
	rc = -pthread_setspecific(b->key, t);
	if (rc) {
		free(t);
		return rc;
	}
	pthread_mutex_lock(&b->lock);
	t->next = b->threads;
	if (t->next)
		t->next->prev = t;
	b->threads = t;
	pthread_mutex_unlock(&b->lock);
	*out = t;
	return 0;
}

/* What the client says itself, what frames a message, and what would change
 * what an answer is. A dash at the end: all that begin so. */
static bool name_reserved(struct str name)
{
	static const char *const names[] = {
		"Accept",
		"Accept-Charset",
		"Accept-Encoding",
		"Authorization",
		"Connection",
		"Content-",
		"Cookie",
		"Date",
		"Expect",
		"Host",
		"HTTP2-Settings",
		"Idempotency-Key",
		"If-",
		"Keep-Alive",
		"Proxy-",
		"Range",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"User-Agent",
		"Via",
		"X-HTTP-Method",
		"X-HTTP-Method-Override",
		"X-Method-Override",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str s = str_from(names[i]);

		if (ascii_same(name, s) ||
		    (s.p[s.n - 1] == '-' && name.n > s.n &&
		     ascii_same(str_sub(name, 0, s.n), s)))
			return true;
	}
	return false;
}

static bool value_usable(struct str value)
{
	if (value.n > VALUE_MAX_BYTES)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < ' ' || value.p[i] >= 0x7f)
			return false;
	return true;
}

static int give(struct given *list, size_t *n, struct str name,
		struct str value, struct err *err)
{
	if (!value_usable(value))
		return err_set(err, -EINVAL,
			       "the context's %.*s is longer than %d bytes or "
			       "holds a character other than printable ASCII",
			       STR_ARG(name), VALUE_MAX_BYTES);
	for (size_t i = 0; i < *n; i++)
		if (ascii_same(list[i].name, name))
			return err_set(err, -EINVAL,
				       "the context names %.*s twice",
				       STR_ARG(name));
	if (*n == SF_BOUND_LINES)
		return err_set(err, -E2BIG,
			       "the context has more than %d headers",
			       SF_BOUND_LINES);
	list[(*n)++] = (struct given){ name, str_trim(value) };
	return 0;
}

static int give_header(struct given *list, size_t *n, struct str line,
		       struct err *err)
{
	struct str name;

	if (str_find_char(line, ':') < 0 || !str_cut(&line, ':', &name) ||
	    name.n > NAME_MAX_BYTES || !ascii_token(name))
		return err_set(err, -EINVAL,
			       "a header of the context isn't of the form "
			       "\"Name: value\"");
	if (name_reserved(name))
		return err_set(err, -EINVAL,
			       "the context may not set the header %.*s",
			       STR_ARG(name));
	return give(list, n, name, line, err);
}

static int give_all(struct given *list, size_t *n, const struct sf_context *x,
		    struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < SF_BOUND_NAMES && rc == 0; i++) {
		const char *value;

		memcpy(&value, (const char *)x + sf_bound_names[i].offset,
		       sizeof(value));
		if (value)
			rc = give(list, n, str_from(sf_bound_names[i].header),
				  str_from(value), err);
	}
	for (size_t i = 0; rc == 0 && x->headers && x->headers[i]; i++)
		rc = give_header(list, n, str_from(x->headers[i]), err);
	return rc;
}

static bool is_given(const struct given *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (ascii_same(list[i].name, name))
			return true;
	return false;
}

/* The next line without its NUL; false at the end. */
static bool next_line(struct str *lines, struct str *line)
{
	return lines->n && str_cut(lines, '\0', line);
}

/* x's own lines, and those around it that it leaves as they are. */
static int put_lines(struct buf *out, const struct sf_context *x,
		     struct str around, struct err *err)
{
	struct given list[SF_BOUND_LINES];
	size_t n = 0, count = 0;
	struct str line, name, rest;
	int rc = give_all(list, &n, x, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (list[i].value.n == 0)
			continue;
		buf_printf(out, "%.*s: %.*s", STR_ARG(list[i].name),
			   STR_ARG(list[i].value));
		buf_putc(out, '\0');
		count++;
	}
	while (next_line(&around, &line)) {
		rest = line;
		if (!str_cut(&rest, ':', &name) || is_given(list, n, name))
			continue;
		buf_put_str(out, line);
		buf_putc(out, '\0');
		count++;
	}
	if (count > SF_BOUND_LINES || buf_error(out) == -E2BIG)
		return err_set(err, -E2BIG,
			       "the context is larger than %d headers or %d "
			       "bytes in all",
			       SF_BOUND_LINES, SF_BOUND_BYTES);
	return buf_error(out);
}

int sf_bounds_set_outer(struct sf_bounds *b, const struct sf_context *x,
			struct err *err)
{
	buf_reset(&b->outer);
	return put_lines(&b->outer, x, STR_NONE, err);
}

struct str sf_bounds_lines(const struct sf_bounds *b)
{
	const struct bound_thread *t = thread_of(b);

	return t && t->top ? t->top->lines : buf_str(&b->outer);
}

size_t sf_bounds_split(const char **headers, struct str lines)
{
	size_t n = 0;
	struct str line;

	while (n < SF_BOUND_LINES && next_line(&lines, &line))
		headers[n++] = line.p;
	return n;
}

static void push(struct bound_thread *t, struct sf_bound *b)
{
	b->thread = t;
	b->outer = t->top;
	t->top = b;
	t->depth++;
}

void sf_bounds_enter(struct sf_bounds *b, struct sf_bound *guise,
		     struct str lines)
{
	struct bound_thread *t = NULL;

	*guise = (struct sf_bound){ .lines = lines };
	if (str_eq(lines, sf_bounds_lines(b)) || thread_make(&t, b))
		return;
	push(t, guise);
}

void sf_bounds_leave(struct sf_bound *guise)
{
	struct bound_thread *t = guise->thread;

	/* What a done bound and didn't reset goes with it. */
	while (t && guise->thread)
		pop(t);
}

int sf_context_bind(struct sf_bound **out, struct sf_client *c,
		    const struct sf_context *x, struct err *err)
{
	struct buf lines = BUF_INIT(SF_BOUND_BYTES);
	struct bound_thread *t = NULL;
	struct sf_bound *b;
	int rc = put_lines(&lines, x, sf_bounds_lines(&c->bounds), err);

	if (rc == 0)
		rc = thread_make(&t, &c->bounds);
	if (rc == 0 && t->depth == DEPTH_MAX)
		rc = err_set(err, -E2BIG,
			     "more than %d contexts are bound in this thread",
			     DEPTH_MAX);
	b = rc ? NULL : malloc(sizeof(*b) + lines.n + 1);
	if (b) {
		char *text = (char *)(b + 1);

		memcpy(text, buf_str(&lines).p, lines.n);
		*b = (struct sf_bound){ .lines = { text, lines.n },
					.owned = true };
		push(t, b);
		*out = b;
	} else if (rc == 0) {
		rc = -ENOMEM;
	}
	buf_fini(&lines);
	return rc;
}

void sf_context_reset(struct sf_client *c, struct sf_bound *bound)
{
	struct bound_thread *t = thread_of(&c->bounds);
	const struct sf_bound *b = t ? t->top : NULL;

	while (b && b != bound)
		b = b->outer;
	if (!b)
		return; /* not of this thread, or not bound any more */
	while (t->top != bound)
		pop(t);
	pop(t);
}
