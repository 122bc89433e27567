/*
 * Asks StackFlow's AI and prints its answer with what it goes by:
 *
 *	cc ask.c $(pkg-config --cflags --libs stackflow) -o ask
 *	./ask "What is the procedure for a P1 major incident?"
 *	./ask "What was done the last time?" INC0001234
 *
 * The environment is that of quick_start.c. What comes is a machine's text:
 * show it as that, and do nothing by it unasked.
 */
#include <stdio.h>

#include <stackflow/ai.h>
#include <stackflow/answer.h>
#include <stackflow/base/arena.h>
#include <stackflow/stackflow.h>

static void print(const struct sf_ai_said *said)
{
	const struct sf_ai_cost *cost = &said->cost;

	printf("%.*s\n", STR_ARG(said->answer));
	for (size_t i = 0; i < said->citation_count; i++) {
		const struct sf_ai_citation *x = &said->citations[i];

		printf("[%.*s] %.*s", STR_ARG(x->article_id),
		       STR_ARG(x->title));
		if (x->relevance >= 0)
			printf(" (%.0f %%)", 100 * x->relevance);
		putchar('\n');
	}
	fprintf(stderr, "%.*s, %lld tokens, %lld ms%s\n",
		STR_ARG(cost->model_used), (long long)cost->tokens_used,
		(long long)cost->latency_ms, cost->cache_hit ? ", cached" : "");
}

static bool ask(struct sf_client *c, const struct sf_ai_question *q)
{
	struct arena *arena = arena_new(1 << 20);
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r =
		sf_answer_wait(a, sf_ai_ask(c, q, sf_answer_done, a));
	struct sf_ai_said said;
	bool ok = false;

	if (r->outcome != SF_OK)
		fprintf(stderr, "%s\n", r->problem);
	else if (!arena || sf_ai_said_read(&said, r->body, arena))
		fprintf(stderr, "this is no answer\n");
	else
		ok = true;
	if (ok)
		print(&said);
	sf_answer_free(a);
	arena_free(arena);
	return ok;
}

int main(int argc, char **argv)
{
	struct sf_ai_question q = { .model = "claude-3-sonnet" };
	struct sf_client *c;
	struct err err;
	bool ok;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: ask QUESTION [INCIDENT]\n");
		return 2;
	}
	q.text = str_from(argv[1]);
	if (argc == 3) {
		q.context_type = "incident";
		q.context_id = str_from(argv[2]);
	}
	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	ok = ask(c, &q);
	sf_client_free(c);
	return ok ? 0 : 1;
}
