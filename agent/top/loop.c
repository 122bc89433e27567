/* The machine with a clock, a terminal and the agent. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/cmd/client.h"
#include "agent/cmd/cmd.h"
#include "agent/top/screen.h"
#include "agent/top/top.h"
#include "base/clock.h"

#define TURN_MS 500		/* ages and the clock are drawn anew */
#define ESCAPE_MS 50		/* what an escape sequence may take */
#define BYTES_MAX (64 << 10)

struct loop {
	struct top *top;
	struct client *client;
	struct screen *screen;
	struct grid *shown, *next;
	struct buf input, output;
	int64_t input_ms;	/* mono: when its last byte came */
	bool colour, ascii;
};

struct asked {
	struct top *top;
	enum top_what what;
	unsigned turn;
};

static struct top_now now(void)
{
	return (struct top_now){ clock_wall_ms(), clock_mono_ms() };
}

/* ---- the agent ---- */

static void told(const struct client_answer *a, void *arg)
{
	struct asked *x = arg;
	const struct top_answer answer = {
		.what = x->what, .turn = x->turn, .status = a->status,
		.body = a->body, .problem = a->problem,
	};
	const struct top_now at = now();

	top_told(x->top, &answer, &at);
	free(x);
}

static void begin(struct loop *l, const struct top_request *q)
{
	struct asked *x = calloc(1, sizeof(*x));
	const struct client_answer none = { .problem = "out of memory" };

	if (!x)
		abort();	/* as everywhere in agent/ */
	*x = (struct asked){ l->top, q->what, q->turn };
	if (buf_error(&q->path) || buf_error(&q->body) ||
	    client_begin(l->client, q->method, buf_str(&q->path).p,
			 buf_str(&q->body), told, x))
		told(&none, x);
}

static void ask(struct loop *l)
{
	struct top_request q;
	const struct top_now at = now();

	while (top_ask(&q, l->top, &at)) {
		begin(l, &q);
		buf_fini(&q.path);
		buf_fini(&q.body);
	}
}

/* ---- keys and the screen ---- */

static void take_keys(struct loop *l)
{
	const struct top_now at = now();
	bool alone = at.mono_ms - l->input_ms >= ESCAPE_MS;
	struct key k;
	size_t n;

	while ((n = key_take(&k, buf_str(&l->input), alone)) > 0) {
		buf_shift(&l->input, n);
		top_key(l->top, &k, &at);
	}
}

static void draw(struct loop *l, bool whole)
{
	const struct top_now at = now();
	struct grid *g = l->next;
	int rows, columns;

	screen_size(l->screen, &rows, &columns);
	if (!g || g->rows != rows || g->columns != columns) {
		grid_free(g);
		g = l->next = grid_new(rows, columns, l->ascii);
		if (!g)
			abort();
	}
	top_draw(g, l->top, &at);
	buf_reset(&l->output);
	grid_show(&l->output, g, whole ? NULL : l->shown, l->colour);
	screen_write(l->screen, buf_str(&l->output));
	l->next = l->shown;
	l->shown = g;
}

static void run(struct loop *l)
{
	bool whole = true;
	int what = 0;

	while (!top_done(l->top) && !(what & SCREEN_END)) {
		ask(l);
		draw(l, whole);
		client_step(l->client, l->input.n ? ESCAPE_MS : TURN_MS);
		what = screen_take(l->screen, &l->input);
		if (what & SCREEN_INPUT)
			l->input_ms = clock_mono_ms();
		take_keys(l);
		whole = what & SCREEN_REDRAW;
		if (top_wants_background(l->top)) {
			screen_suspend(l->screen);
			whole = true;
		}
	}
}

/* ---- begin and end ---- */

static void wake(void *client)
{
	client_wake(client);
}

/* Whether there is an agent to look at is told before the screen changes. */
static int first(struct loop *l, const char *conf)
{
	struct buf status = BUF_INIT(64 << 20);
	int rc = client_call(&status, conf, "GET", "/api/v1/status");
	struct top_request q;
	struct top_now at = now();

	if (!rc && top_ask(&q, l->top, &at)) {
		top_told(l->top, &(struct top_answer){
			.what = q.what, .turn = q.turn, .status = 200,
			.body = buf_str(&status) }, &at);
		buf_fini(&q.path);
		buf_fini(&q.body);
	}
	buf_fini(&status);
	return rc;
}

int top_run(const struct top_options *o)
{
	struct loop l = { .colour = o->colour, .ascii = !screen_utf8() };
	struct err err;
	int status;

	buf_init(&l.input, BYTES_MAX);
	buf_init(&l.output, 64 << 20);
	l.top = top_new(client_user());
	if (!l.top)
		abort();
	status = first(&l, o->conf);
	if (!status)
		status = client_open(&l.client, o->conf);
	if (!status && screen_open(&l.screen, wake, l.client, &err)) {
		fprintf(stderr, "tocsin top: %s\n", err.text);
		status = CMD_FAILED;
	}
	if (!status)
		run(&l);
	screen_close(l.screen);
	client_close(l.client);
	top_free(l.top);
	grid_free(l.shown);
	grid_free(l.next);
	buf_fini(&l.input);
	buf_fini(&l.output);
	return status;
}
