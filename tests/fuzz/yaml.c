#include <stdint.h>
#include <stdlib.h>

#include "doc/yaml.h"

/*
 * A tree keeps its promises to whoever walks it (bounded depth and size,
 * counts that hold), and what is refused is said.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void use(const struct yaml *v)
{
	struct str s = STR_NONE;
	uint64_t size;
	int64_t i;
	double d;
	bool b;

	check(v->line > 0 && v->column > 0);
	check((yaml_text(&s, v) == 0) == (v->type == YAML_SCALAR));
	check(!s.p || s.p[s.n] == '\0');
	(void)yaml_bool(&b, v);
	(void)yaml_int(&i, v);
	(void)yaml_double(&d, v);
	(void)yaml_span(&i, v);
	(void)yaml_size(&size, v);
}

static void walk(const struct yaml *root)
{
	const struct yaml *stack[40];
	size_t n = 0, nodes = 0;

	stack[n++] = root;
	while (n > 0) {
		const struct yaml *v = stack[n - 1];
		size_t count = 0;

		if (!v) {
			n--;
			continue;
		}
		stack[n - 1] = v->next;
		use(v);
		for (const struct yaml *c = v->child; c; c = c->next) {
			check(v->type == YAML_LIST || c->key.p);
			count++;
		}
		check(count == v->count);
		check(++nodes < 120000);
		check(n < 34);
		if (v->child)
			stack[n++] = v->child;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *arena = arena_new(256 << 20);
	struct buf b = BUF_INIT(16 << 20);
	struct yaml *strict, *tree;
	struct faults faults;

	faults_init(&faults);
	check(arena != NULL);
	strict = yaml_read(arena, text, "x.yaml", &faults);
	check((strict == NULL) == (faults.errors > 0));
	if (strict)
		walk(strict);
	tree = yaml_read_on(arena, text, "x.yaml", &faults);
	check(tree || !strict);
	if (tree)
		walk(tree);
	faults_put_text(&b, &faults);
	faults_put_json(&b, &faults);
	faults_put_github(&b, &faults);
	buf_fini(&b);
	faults_fini(&faults);
	arena_free(arena);
	return 0;
}
