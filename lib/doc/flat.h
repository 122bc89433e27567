#ifndef DOC_FLAT_H
#define DOC_FLAT_H

#include "doc/json.h"

/*
 * A document that json_read() laid out in one block: its values in the order
 * they stand in the text, which they borrow from. For this folder.
 */
struct flat {
	const char *key, *text;		/* text: of a number its digits */
	uint32_t key_n, text_n;
	uint32_t next;			/* so many values on, its sibling */
	uint16_t count;			/* of a container: what it holds */
	uint8_t type;
};

/* As a struct json it has the bit set that no address of json-c's has. */
static inline const struct flat *flat_of(const struct json *v)
{
	uintptr_t p = (uintptr_t)v;

	return p & 1 ? (const struct flat *)(p - 1) : NULL;
}

static inline const struct json *flat_json(const struct flat *f)
{
	return f->type == JSON_NULL ? NULL :
				      (const struct json *)((uintptr_t)f | 1);
}

static inline struct str flat_str(const struct flat *f)
{
	return (struct str){ f->text, f->text_n };
}

const struct json *flat_get(const struct flat *object, struct str key);
/* i < array->count */
const struct json *flat_item(const struct flat *array, size_t i);
/* Of an object or an array, whose items have no key; as json_next(). */
bool flat_next(const struct flat *in, void **at, struct str *key,
	       const struct json **value);
void flat_free(const struct flat *root);

#endif
