#ifndef TESTS_UNIT_STACKFLOW_RIG_H
#define TESTS_UNIT_STACKFLOW_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "doc/json.h"
#include "rest/rest.h"
#include "stackflow/stackflow.h"
#include "tests/unit/rest/server.h"

/*
 * A client, its loop and a scripted server that plays StackFlow and whoever
 * gives tokens. Time is the rig's own and moves as told.
 */
struct rig {
	struct server server;
	struct rest *rest;
	struct sf_client *client;
	struct sf_options options;
	char base[80], token[80];
	int64_t now;
};

/* What a call came to. */
struct kept {
	unsigned done;
	struct sf_result res;
	char id[80], problem[600], next[200];
	size_t rows;
};

static MAYBE void keep(const struct sf_result *r, void *arg)
{
	struct kept *k = arg;
	struct arena *arena = arena_new(8192);
	struct str next = STR("");

	k->done++;
	k->res = *r;
	snprintf(k->id, sizeof(k->id), "%.*s", STR_ARG(r->id));
	snprintf(k->problem, sizeof(k->problem), "%s",
		 r->problem ? r->problem : "");
	k->rows = json_count(sf_page_rows(r->body));
	if (r->body)
		assert_true(sf_page_next(&next, r->body, arena) >= 0);
	snprintf(k->next, sizeof(k->next), "%.*s", STR_ARG(next));
	arena_free(arena);
}

/* Start server and loop; the test fills rig->options.auth and calls open. */
static MAYBE void rig_start(struct rig *g, script *run, void *arg)
{
	struct rest_options ro = { .user_agent = "tocsin-test" };

	memset(g, 0, sizeof(*g));
	server_start(&g->server, run, arg, NULL);
	assert_int_equal(rest_new(&g->rest, &ro, NULL), 0);
	snprintf(g->base, sizeof(g->base), "http://127.0.0.1:%u/prod/api",
		 g->server.port);
	snprintf(g->token, sizeof(g->token), "http://127.0.0.1:%u/token",
		 g->server.port);
	g->options.base_url = g->base;
	g->options.requests_per_second = 1000;
	g->options.timeout_ms = 5000;
	g->now = 1000000;
}

static MAYBE void rig_open(struct rig *g)
{
	struct err err = { "" };

	if (sf_client_new(&g->client, &g->options, g->rest, &err))
		fail_msg("%s", err.text);
	assert_true(sf_client_wait_ms(g->client, g->now) >= 0);
}

static MAYBE void rig_key(struct rig *g, script *run, void *arg)
{
	rig_start(g, run, arg);
	g->options.auth.method = SF_AUTH_API_KEY;
	g->options.auth.api_key = "sfk_test_0123456789";
	rig_open(g);
}

static MAYBE void rig_client(struct rig *g, script *run, void *arg)
{
	rig_start(g, run, arg);
	g->options.auth.method = SF_AUTH_CLIENT_CREDENTIALS;
	g->options.auth.client_id = "the-client";
	g->options.auth.client_secret = "the-secret-of-it";
	g->options.auth.token_url = g->token;
	rig_open(g);
}

/* Until nothing is under way, a millisecond of the rig's time a turn. */
static MAYBE void rig_run(struct rig *g)
{
	for (int turns = 0; sf_client_active(g->client) ||
			    rest_active(g->rest); turns++) {
		if (turns > 20000)
			fail_msg("the client never ends");
		sf_client_wait_ms(g->client, g->now++);
		rest_step(g->rest, 10);
	}
}

static MAYBE void rig_stop(struct rig *g)
{
	sf_client_free(g->client);
	rest_free(g->rest);
	server_stop(&g->server);
}

/* Wait, in the rig's time, until a call may begin. */
static MAYBE void rig_ready(struct rig *g)
{
	for (int turns = 0;; turns++) {
		int64_t ms = sf_client_wait_ms(g->client, g->now);

		if (ms == 0)
			return;
		if (turns > 1000)
			fail_msg("no call may begin");
		if (ms > 0)
			g->now += ms;
		else
			rest_step(g->rest, 10);
	}
}

static MAYBE struct kept rig_create(struct rig *g)
{
	struct kept k = { 0 };

	rig_ready(g);
	assert_int_equal(sf_incident_create(g->client, STR("{\"a\":1}"), "key",
					    keep, &k), 0);
	assert_int_equal(k.done, 0);
	rig_run(g);
	assert_int_equal(k.done, 1);
	return k;
}

static MAYBE struct kept rig_get(struct rig *g)
{
	struct kept k = { 0 };

	rig_ready(g);
	assert_int_equal(sf_incident_get(g->client, STR("INC0000001"), keep,
					 &k), 0);
	rig_run(g);
	assert_int_equal(k.done, 1);
	return k;
}

#endif
