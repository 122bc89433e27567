#include "doc/yaml.h"

#include <errno.h>
#include <stdarg.h>

#include <yaml.h>

#include "base/map.h"
#include "doc/utf8.h"

#define TEXT_MAX (1 << 20)
#define DEPTH_MAX 32
#define EVENTS_MAX 100000
#define EXPANDED_MAX 10000 /* nodes that aliases stand for */

/* What the tree itself doesn't show of a node. */
struct node {
	struct yaml y;	   /* first: a struct yaml of ours is a node */
	struct yaml *last; /* child */
	uint64_t serial;   /* of a map, for its keys */
	size_t weight;	   /* nodes below and itself, aliases followed */
	int height;	   /* levels of containers, itself included */
	bool open;	   /* its end hasn't come yet */
};

struct key {
	struct str text;
	int line, column;
	bool plain;
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	const char *file;
	struct faults *faults;
	struct str text;
	struct map *anchors; /* name: node */
	struct map *members; /* serial of a map and key: node */
	struct buf name;     /* of one member there */
	struct node *root;
	struct node *stack[DEPTH_MAX];
	int depth;
	bool keyed; /* key waits for its value */
	struct key key;
	uint64_t serials;
	size_t events, expanded;
	bool ended;
};

static int refuse(struct reader *r, int line, int column, const char *code,
		  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Add an error; returns -EINVAL, for those that end the reading. */
static int refuse(struct reader *r, int line, int column, const char *code,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_vadd(r->faults, FAULT_ERROR, code, r->file, line, column, fmt,
		   ap);
	va_end(ap);
	return -EINVAL;
}

static int mark_line(const yaml_mark_t *m)
{
	return (int)m->line + 1;
}

static int mark_column(const yaml_mark_t *m)
{
	return (int)m->column + 1;
}

static int no_memory(struct reader *r)
{
	refuse(r, 0, 0, "memory", "too large, or out of memory");
	return -ENOMEM;
}

/* Line and column of an offset, columns counted in characters. */
static void position(struct str text, size_t offset, int *line, int *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset && i < text.n; i++) {
		if (text.p[i] == '\n') {
			++*line;
			*column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* libyaml takes both in silence or says nothing of where they stood. */
static int check_bytes(struct reader *r)
{
	const unsigned char *p = (const unsigned char *)r->text.p;
	const unsigned char *end = p + r->text.n;
	int line, column;
	uint32_t cp;

	for (size_t n; p < end; p += n) {
		n = *p ? utf8_char(p, end, &cp) : 0;
		if (n)
			continue;
		position(r->text, r->text.n - (size_t)(end - p), &line,
			 &column);
		return refuse(r, line, column, "encoding", "%s",
			      *p ? "invalid UTF-8"
				 : "a NUL byte; is this a text file?");
	}
	return 0;
}

static int syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "unreadable";
	int line = mark_line(&p->problem_mark);
	int column = mark_column(&p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	if (p->error == YAML_READER_ERROR)
		position(r->text, p->problem_offset, &line, &column);
	else if (!strcmp(problem,
			 "found character that cannot start any token"))
		problem = "found a character that can't begin a value here "
			  "(a tab as indentation? @ ` %% need quotes)";
	if (!p->context || p->error == YAML_READER_ERROR)
		return refuse(r, line, column, "syntax", "%s", problem);
	return refuse(r, line, column, "syntax", "%s, %s that began at %d:%d",
		      problem, p->context, mark_line(&p->context_mark),
		      mark_column(&p->context_mark));
}

static struct node *top(struct reader *r)
{
	return r->depth ? r->stack[r->depth - 1] : NULL;
}

static struct node *node_new(struct reader *r, enum yaml_type type,
			     const yaml_mark_t *mark)
{
	struct node *n = arena_alloc(r->arena, sizeof(*n));

	if (!n)
		return NULL;
	n->y.type = type;
	n->y.line = mark_line(mark);
	n->y.column = mark_column(mark);
	n->weight = 1;
	return n;
}

/*
 * Is the key that waits the first of its name in map? The node becomes known
 * by it. 1, 0 (a fault was added) or -ENOMEM.
 */
static int claim_key(struct reader *r, struct node *map, struct node *value)
{
	const struct node *first;
	int rc;

	buf_reset(&r->name);
	buf_put(&r->name, &map->serial, sizeof(map->serial));
	buf_put_str(&r->name, r->key.text);
	first = map_get(r->members, buf_str(&r->name));
	rc = buf_error(&r->name);
	if (rc == 0 && !first)
		rc = map_set(r->members, buf_str(&r->name), value);
	if (rc < 0)
		return rc;
	if (first)
		refuse(r, r->key.line, r->key.column, "duplicate-key",
		       "the key \"%.*s\" stands here a second time, first in "
		       "line %d",
		       STR_ARG(r->key.text), first->y.key_line);
	return !first;
}

/* Put a node where the document has it. What can't stay is not linked. */
static int attach(struct reader *r, struct node *n)
{
	struct node *in = top(r);
	int rc;

	if (!in) {
		r->root = n;
		return 0;
	}
	if (in->y.type == YAML_MAP) {
		n->y.key = r->key.text;
		n->y.key_line = r->key.line;
		n->y.key_column = r->key.column;
		r->keyed = false;
		if (r->key.plain && str_is(r->key.text, "<<")) {
			refuse(r, r->key.line, r->key.column, "merge-key",
			       "merge keys (<<) are not taken");
			return 0;
		}
		rc = claim_key(r, in, n);
		if (rc <= 0)
			return rc;
	}
	if (in->last)
		in->last->next = &n->y;
	else
		in->y.child = &n->y;
	in->last = &n->y;
	in->y.count++;
	return 0;
}

/* The node is whole: its parent grows by it. */
static void complete(struct reader *r, const struct node *n)
{
	struct node *in = top(r);

	if (!in)
		return;
	in->weight += n->weight;
	if (in->height < n->height + 1)
		in->height = n->height + 1;
}

static int set_anchor(struct reader *r, const yaml_char_t *name, struct node *n)
{
	if (!name)
		return 0;
	return map_set(r->anchors, str_from((const char *)name), n) < 0
		       ? -ENOMEM
		       : 0;
}

static int refuse_tag(struct reader *r, const yaml_char_t *tag,
		      const yaml_mark_t *mark)
{
	if (!tag)
		return 0;
	refuse(r, mark_line(mark), mark_column(mark), "tag",
	       "tags (%.100s) are not taken", (const char *)tag);
	return 0;
}

static bool key_expected(struct reader *r)
{
	return top(r) && top(r)->y.type == YAML_MAP && !r->keyed;
}

static int refuse_key(struct reader *r, const yaml_mark_t *mark)
{
	return refuse(r, mark_line(mark), mark_column(mark), "key",
		      "a key must be text");
}

static int take_key(struct reader *r, const yaml_event_t *e, struct str text)
{
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (e->data.scalar.anchor || (plain && text.n == 0))
		return refuse_key(r, &e->start_mark);
	r->key = (struct key){ text, mark_line(&e->start_mark),
			       mark_column(&e->start_mark), plain };
	r->keyed = true;
	return 0;
}

static bool is_null(struct str plain)
{
	return plain.n == 0 || str_is(plain, "~") || str_is(plain, "null") ||
	       str_is(plain, "Null") || str_is(plain, "NULL");
}

static int take_scalar(struct reader *r, const yaml_event_t *e)
{
	struct str text = arena_str(
		r->arena, (struct str){ (const char *)e->data.scalar.value,
					e->data.scalar.length });
	struct node *n;
	int rc;

	if (!text.p)
		return -ENOMEM;
	refuse_tag(r, e->data.scalar.tag, &e->start_mark);
	if (key_expected(r))
		return take_key(r, e, text);
	n = node_new(r, YAML_SCALAR, &e->start_mark);
	if (!n)
		return -ENOMEM;
	n->y.quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	n->y.text = text;
	if (!n->y.quoted && is_null(text))
		n->y.type = YAML_NULL;
	rc = attach(r, n);
	complete(r, n);
	return rc ? rc : set_anchor(r, e->data.scalar.anchor, n);
}

static int take_start(struct reader *r, const yaml_event_t *e,
		      enum yaml_type type, const yaml_char_t *anchor,
		      const yaml_char_t *tag)
{
	struct node *n;
	int rc;

	refuse_tag(r, tag, &e->start_mark);
	if (key_expected(r))
		return refuse_key(r, &e->start_mark);
	if (r->depth == DEPTH_MAX)
		return refuse(r, mark_line(&e->start_mark),
			      mark_column(&e->start_mark), "limit",
			      "more than %d levels", DEPTH_MAX);
	n = node_new(r, type, &e->start_mark);
	if (!n)
		return -ENOMEM;
	n->open = true;
	n->height = 1;
	n->serial = ++r->serials;
	rc = attach(r, n);
	if (rc == 0)
		rc = set_anchor(r, anchor, n);
	r->stack[r->depth++] = n;
	return rc;
}

static int take_end(struct reader *r)
{
	struct node *n = r->stack[--r->depth];

	n->open = false;
	complete(r, n);
	return 0;
}

/*
 * An alias shares its target's children, which costs nothing here; who walks
 * the tree meets them again each time, so that is what counts.
 */
static int take_alias(struct reader *r, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.alias.anchor;
	const struct node *target = map_get(r->anchors, str_from(name));
	int line = mark_line(&e->start_mark);
	int column = mark_column(&e->start_mark);
	struct node *n;
	int rc;

	if (key_expected(r))
		return refuse_key(r, &e->start_mark);
	if (!target)
		return refuse(r, line, column, "alias",
			      "*%s names nothing that stands before it", name);
	if (target->open)
		return refuse(r, line, column, "alias",
			      "*%s stands within what it names", name);
	r->expanded += target->weight;
	if (r->expanded > EXPANDED_MAX)
		return refuse(r, line, column, "limit",
			      "aliases stand for more than %d values",
			      EXPANDED_MAX);
	if (r->depth + target->height > DEPTH_MAX)
		return refuse(r, line, column, "limit",
			      "more than %d levels by way of *%s", DEPTH_MAX,
			      name);
	n = node_new(r, target->y.type, &e->start_mark);
	if (!n)
		return -ENOMEM;
	n->y.quoted = target->y.quoted;
	n->y.text = target->y.text;
	n->y.count = target->y.count;
	n->y.child = target->y.child;
	n->weight = target->weight;
	n->height = target->height;
	rc = attach(r, n);
	complete(r, n);
	return rc;
}

static int take_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_STREAM_END_EVENT:
		r->ended = true;
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (r->root)
			return refuse(r, mark_line(&e->start_mark),
				      mark_column(&e->start_mark), "documents",
				      "more than one document");
		return 0;
	case YAML_ALIAS_EVENT:
		return take_alias(r, e);
	case YAML_SCALAR_EVENT:
		return take_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(r, e, YAML_LIST,
				  e->data.sequence_start.anchor,
				  e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return take_start(r, e, YAML_MAP, e->data.mapping_start.anchor,
				  e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return take_end(r);
	default:
		return 0;
	}
}

static int step(struct reader *r)
{
	yaml_event_t e;
	int rc;

	if (!yaml_parser_parse(&r->parser, &e))
		return syntax(r);
	if (++r->events > EVENTS_MAX)
		rc = refuse(r, mark_line(&e.start_mark),
			    mark_column(&e.start_mark), "limit",
			    "more than %d values", EVENTS_MAX);
	else
		rc = take_event(r, &e);
	if (e.type == YAML_SCALAR_EVENT)
		explicit_bzero(e.data.scalar.value, e.data.scalar.length);
	yaml_event_delete(&e);
	if (rc == -ENOMEM)
		no_memory(r);
	return rc;
}

static int read_all(struct reader *r)
{
	int rc = 0;

	if (r->text.n > TEXT_MAX)
		return refuse(r, 0, 0, "limit", "larger than 1 MiB");
	rc = check_bytes(r);
	if (rc)
		return rc;
	r->anchors = map_new();
	r->members = map_new();
	if (!r->anchors || !r->members || !yaml_parser_initialize(&r->parser)) {
		rc = no_memory(r);
		goto out;
	}
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&r->parser, (const unsigned char *)r->text.p, r->text.n);
	while (!r->ended && rc == 0)
		rc = r->faults->count < FAULTS_MAX ? step(r) : -EINVAL;
	yaml_parser_delete(&r->parser);
out:
	map_free(r->anchors);
	map_free(r->members);
	buf_fini(&r->name);
	return rc;
}

struct yaml *yaml_read_on(struct arena *arena, struct str text,
			  const char *file, struct faults *faults)
{
	static const yaml_mark_t start;
	struct reader r = { .arena = arena,
			    .file = file,
			    .faults = faults,
			    .text = text,
			    .name = BUF_INIT(2 * TEXT_MAX) };

	if (!text.p)
		r.text = STR("");
	if (read_all(&r))
		return NULL;
	if (!r.root)
		r.root = node_new(&r, YAML_NULL, &start);
	if (!r.root)
		no_memory(&r);
	return r.root ? &r.root->y : NULL;
}

struct yaml *yaml_read(struct arena *arena, struct str text, const char *file,
		       struct faults *faults)
{
	size_t errors = faults->errors;
	struct yaml *root = yaml_read_on(arena, text, file, faults);

	return faults->errors == errors ? root : NULL;
}
