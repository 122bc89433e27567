#include "rule/silence.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "rule/set.h"

#define TREE_MAX (1 << 20) /* of one match */

/* "*" in whatever way it is written: "**", "?*", in a list beside others. */
static bool any_value(const struct pattern *p)
{
	size_t runs = 0, ones = 0;

	if (p->kind == PATTERN_LIST) {
		for (size_t i = 0; i < p->list->count; i++)
			if (any_value(&p->list->items[i]))
				return true;
		return false;
	}
	if (p->kind != PATTERN_GLOB)
		return p->kind == PATTERN_PRESENT ||
		       (p->kind == PATTERN_PREFIX && !p->text.n);
	for (size_t i = 0; i < p->text.n; i++) {
		runs += p->text.p[i] == '*';
		ones += p->text.p[i] == '?';
	}
	return runs && ones <= 1 && runs + ones == p->text.n;
}

/* Does the match leave hardly an alarm out, like {alarm: "*"}? */
static bool everything(const struct match *m)
{
	if (match_always(m))
		return true;
	for (size_t i = 0; i < m->root->count; i++) {
		const struct cond *c = m->root->child[i];

		if (c->kind != COND_TEST || !any_value(&c->pattern))
			return false;
	}
	return true;
}

/* Read one into l's arena; false with at least one fault, or out of memory. */
static bool read_match(struct match *out, struct loader *l, struct str text)
{
	struct arena *tree = arena_new(TREE_MAX);
	const struct yaml *root = NULL;
	size_t before = l->faults->errors;

	out->entry = MATCH_NO;
	if (text.n > SILENCE_MATCH_MAX)
		fault_add(l->faults, FAULT_ERROR, "bad-value", l->file, 1, 1,
			  "a match has at most %d bytes", SILENCE_MATCH_MAX);
	else if (tree)
		root = yaml_read(tree, text, l->file, l->faults);
	if (root)
		load_match(l, root, out);
	if (root && l->faults->errors == before && everything(out))
		load_error(l, root, "silences-everything",
			   "this would silence everything: name what is to be "
			   "held by at least one value of one field, like "
			   "alarm=pay-db-* or account=111122223333");
	arena_free(tree);
	return root && out->root && l->faults->errors == before;
}

/* What a loader needs, and where it keeps regexes. */
struct reading {
	struct loader loader;
	struct faults faults;
};

static bool reading_init(struct reading *r, struct silences *s)
{
	faults_init(&r->faults);
	r->loader = (struct loader){
		.arena = s->arena,
		.faults = &r->faults,
		.refs = map_new(),
		.slots = &s->slots,
		.regexes = &s->regexes,
		.file = "match",
		.stage = STAGE_SUPPRESS,
	};
	return r->loader.refs;
}

static void note_tags(struct silences *s, const struct map *refs)
{
	struct str path;
	size_t at = 0;
	void *ref;

	while (map_next(refs, &at, &path, &ref))
		if (((const struct ref *)ref)->id == FIELD_TAG)
			s->reads_tags = true;
}

static void reading_fini(struct reading *r)
{
	map_free(r->loader.refs);
	faults_fini(&r->faults);
}

static struct silences *make(size_t count)
{
	struct silences *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->arena = arena_new(SIZE_MAX / 2);
	if (s->arena)
		s->list = arena_array(s->arena, count + 1, sizeof(*s->list));
	if (s->list)
		return s;
	silences_free(s);
	return NULL;
}

int silence_check(struct str match, struct faults *faults)
{
	struct silences *s = make(1);
	struct reading r;
	struct match m;
	int rc = -ENOMEM;

	if (!s)
		return rc;
	if (reading_init(&r, s)) {
		r.loader.faults = faults;
		rc = read_match(&m, &r.loader, match) ? 0 : -EINVAL;
		if (arena_error(s->arena))
			rc = -ENOMEM;
	}
	reading_fini(&r);
	silences_free(s);
	return rc;
}

static void add(struct silences *s, struct loader *l,
		const struct silence *from)
{
	struct silenced *to = &s->list[s->count];

	if (!read_match(&to->match, l, from->match))
		return;
	to->silence = *from;
	to->silence.id = arena_str(s->arena, from->id);
	to->silence.match = arena_str(s->arena, from->match);
	to->silence.owner = arena_str(s->arena, from->owner);
	to->silence.reason = arena_str(s->arena, from->reason);
	s->count++;
}

struct silences *silences_new(const struct silence *list, size_t count)
{
	struct silences *s;
	struct reading r;
	bool good;

	if (count > SILENCES_MAX)
		count = SILENCES_MAX;
	s = make(count);
	if (!s)
		return NULL;
	good = reading_init(&r, s);
	for (size_t i = 0; good && i < count; i++)
		add(s, &r.loader, &list[i]);
	if (good)
		note_tags(s, r.loader.refs);
	reading_fini(&r);
	if (good && !arena_error(s->arena))
		return s;
	silences_free(s);
	return NULL;
}

struct silences *silences_ref(struct silences *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void silences_free(struct silences *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	for (size_t i = 0; i < s->regexes.count; i++)
		regex_free(s->regexes.list[i]);
	free(s->regexes.list);
	arena_free(s->arena);
	free(s);
}

bool silences_read_tags(const struct silences *s)
{
	return s && s->reads_tags;
}
