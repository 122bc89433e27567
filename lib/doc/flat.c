#include "doc/flat.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "doc/keyset.h"
#include "doc/listen.h"
#include "doc/read.h"

/* More in one container are for json-c, which doesn't go through them all to
 * find one. */
#define FEW 64
#define FIRST_VALUES 48

/* Not one large enough for malloc() to ask the system for it each time. */
#define TEXT_BLOCK (12u << 10)

struct text {
	struct text *next;
	char bytes[];
};

struct block {
	struct text *text;		/* strings that aren't borrowed */
	size_t count, cap;
	struct flat values[];
};

struct build {
	struct listener listener;
	struct block *block;
	struct str document;
	bool own;
	char *to;			/* in block->text */
	size_t left;			/* there */
	size_t open[JSON_DEPTH], last[JSON_DEPTH];
	int depth;
	struct err *err;
};

static struct flat *push(struct build *b)
{
	struct block *block = b->block;
	size_t cap = block ? 2 * block->cap : FIRST_VALUES;

	if (!block || block->count == block->cap) {
		block = realloc(block, sizeof(*block) +
				       cap * sizeof(struct flat));
		if (!block)
			return NULL;
		if (!b->block) {
			block->text = NULL;
			block->count = 0;
		}
		block->cap = cap;
		b->block = block;
	}
	return &block->values[block->count++];
}

/* For what stands at raw; the rest of the document is an upper bound. */
static int make_room(struct build *b, struct str raw)
{
	size_t n = (size_t)(b->document.p + b->document.n - raw.p);
	struct text *text;

	if (raw.n <= b->left)
		return 0;
	if (n > TEXT_BLOCK)
		n = raw.n > TEXT_BLOCK ? raw.n : TEXT_BLOCK;
	text = malloc(sizeof(*text) + n);
	if (!text)
		return err_set(b->err, -ENOMEM, "out of memory");
	text->next = b->block->text;
	b->block->text = text;
	b->to = text->bytes;
	b->left = n;
	return 0;
}

/* What a string means, borrowed or in the block's text; 0 or -ENOMEM. */
static int plain(struct build *b, const char **out, uint32_t *n,
		 struct str raw, bool escaped)
{
	char *end;

	*out = raw.p;
	*n = (uint32_t)raw.n;
	if (!escaped && (!b->own || !raw.n))
		return 0;
	if (make_room(b, raw))
		return -ENOMEM;
	*out = b->to;
	end = escaped ? json_unescape_to(b->to, raw) :
			mempcpy(b->to, raw.p, raw.n);
	*n = (uint32_t)(end - b->to);
	b->left -= *n;
	b->to = end;
	return 0;
}

/* Into the innermost open container; -E2BIG where that is full. */
static int attach(struct build *b, size_t i)
{
	struct flat *values = b->block->values;
	struct flat *in;

	if (!b->depth)
		return 0;
	in = &values[b->open[b->depth - 1]];
	if (in->count == FEW)
		return -E2BIG;
	if (in->count++)
		values[b->last[b->depth - 1]].next =
			(uint32_t)(i - b->last[b->depth - 1]);
	b->last[b->depth - 1] = i;
	return 0;
}

static int add(struct listener *l, const struct scanned *v)
{
	struct build *b = (struct build *)l;
	struct flat *f = push(b);
	int rc;

	if (!f)
		return err_set(b->err, -ENOMEM, "out of memory");
	*f = (struct flat){ .type = (uint8_t)v->type };
	rc = v->member ? plain(b, &f->key, &f->key_n, v->key, v->key_escaped) :
			 0;
	if (!rc)
		rc = plain(b, &f->text, &f->text_n, v->text, v->escaped);
	if (!rc)
		rc = attach(b, b->block->count - 1);
	if (rc)
		return rc;
	if (v->type == JSON_OBJECT || v->type == JSON_ARRAY)
		b->open[b->depth++] = b->block->count - 1;
	return 0;
}

static void leave(struct listener *l)
{
	((struct build *)l)->depth--;
}

static void free_block(struct block *block)
{
	struct text *next;

	for (struct text *t = block ? block->text : NULL; t; t = next) {
		next = t->next;
		free(t);
	}
	free(block);
}

void flat_free(const struct flat *root)
{
	free_block((struct block *)((uintptr_t)root -
				    offsetof(struct block, values)));
}

int json_read(struct json **out, struct str text, unsigned flags,
	      struct err *err)
{
	struct build b = { .listener = { add, leave }, .document = text,
			   .own = flags & JSON_OWN, .err = err };
	int rc = json_scan_to(&b.listener, text, flags, err);

	if (!rc)
		*out = (struct json *)(uintptr_t)flat_json(b.block->values);
	if (rc || !*out)
		free_block(b.block);
	return rc == -E2BIG ? json_parse(out, text, flags, err) : rc;
}

const struct json *flat_get(const struct flat *object, struct str key)
{
	const struct flat *f = object + 1;

	for (uint32_t left = object->count; left; left--, f += f->next)
		if (f->key_n == key.n && memcmp(f->key, key.p, key.n) == 0)
			return flat_json(f);
	return NULL;
}

const struct json *flat_item(const struct flat *array, size_t i)
{
	const struct flat *f = array + 1;

	while (i--)
		f += f->next;
	return flat_json(f);
}

bool flat_next(const struct flat *in, void **at, struct str *key,
	       const struct json **value)
{
	const struct flat *f = *at;

	if (f ? !f->next : !in->count)
		return false;
	f = f ? f + f->next : in + 1;
	*at = (void *)(uintptr_t)f;
	*key = (struct str){ f->key, f->key_n };
	*value = flat_json(f);
	return true;
}
