#include "stackflow/pages.h"

#include <errno.h>
#include <stdlib.h>

#include "stackflow/answer.h"
#include "stackflow/client.h"

#define NEXT_MAX 8192 /* sf_page_next() gives far less */
#define TURN_MS 100
#define TURN_ROWS 8
#define EMPTY_MAX 100 /* pages without a row, one after the other */

/* What to ask for a page by; empty: the first one. */
struct place {
	char *text;
	size_t n;
};

/*
 * Two answers take turns: the rows of one are read while the other is on its
 * way, and let go when the page after that one has come.
 */
struct sf_pages {
	struct sf_client *client;
	sf_list *list;
	char *query;
	struct sf_answer *answers[2];
	unsigned reading;		/* which is read; the other fetches */
	bool asked;			/* for next */
	bool more;			/* is there a next? */
	struct place read, next;	/* of the page that is read, after it */
	struct place mark;		/* of an earlier page */
	unsigned since, marks;		/* pages since, and when it is moved */
	int broken;			/* negative: no page comes after */
	struct err why;
	const struct json *rows;
	size_t at, empty;
	int64_t total;
	struct arena *arena;
	struct sf_drive drive;
};

static struct str place_str(const struct place *p)
{
	return (struct str){ p->text, p->n };
}

static int place_set(struct place *p, struct str s)
{
	char *text = strndup(s.n ? s.p : "", s.n);

	if (!text)
		return -ENOMEM;
	free(p->text);
	*p = (struct place){ text, s.n };
	return 0;
}

int sf_pages_new(struct sf_pages **out, struct sf_client *c, sf_list *list,
		 const char *query, struct err *err)
{
	struct sf_pages *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->client = c;
	p->list = list;
	p->more = true;
	p->total = -1;
	p->marks = 1;
	p->query = strdup(query ? query : "");
	p->arena = arena_new(NEXT_MAX);
	for (int i = 0; i < 2; i++)
		p->answers[i] = sf_answer_new(c);
	if (!p->query || !p->arena || !p->answers[0] || !p->answers[1]) {
		sf_pages_free(p);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*out = p;
	return 0;
}

/* Ask for the next page; -EAGAIN: not now. */
static int ask(struct sf_pages *p)
{
	int rc = p->list(p->client, p->query, place_str(&p->next),
			 sf_answer_done, p->answers[!p->reading]);

	p->asked = rc == 0;
	return rc;
}

/* The same, waiting for its turn where calls don't wait in the client. */
static int ask_now(struct sf_pages *p)
{
	int rc = p->asked ? 0 : ask(p);

	while (rc == -EAGAIN && !p->client->loop) {
		sf_drive(p->client, &p->drive, TURN_MS);
		rc = ask(p);
	}
	return rc;
}

/* As errno, for who looks at no more than that. */
static int code_of(const struct sf_result *r)
{
	switch (r->status) {
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 429:
		return -EBUSY;
	}
	return -EIO;
}

/*
 * Was this place asked for before? The page before it, and one that is moved
 * ahead after 1, 2, 4... pages: a round of any length is found in the end
 * (Brent 1980), by what one place takes.
 */
static int note_place(struct sf_pages *p, struct str next, bool *again)
{
	int rc = 0;

	*again = str_eq(next, place_str(&p->read)) ||
		 (p->mark.n && str_eq(next, place_str(&p->mark)));
	if (!*again && ++p->since == p->marks) {
		p->since = 0;
		if (p->marks < 1u << 30)
			p->marks *= 2;
		rc = place_set(&p->mark, next);
	}
	return rc;
}

/* Where it goes on after the page that came. 0, -ENOMEM. */
static int find_next(struct sf_pages *p, const struct json *body)
{
	struct str next = STR_NONE;
	bool again = false;
	int rc;

	arena_reset(p->arena);
	rc = sf_page_next(&next, body, p->arena);
	if (rc == -ENOMEM)
		return rc;
	p->more = rc != 0;
	p->broken = rc < 0 ? err_set(&p->why, -EBADMSG,
				     "there are more pages, but the next "
				     "can't be asked for")
			   : 0;
	if (rc <= 0)
		return 0;
	if (p->empty >= EMPTY_MAX) {
		p->broken = err_set(&p->why, -EBADMSG,
				    "%d pages without a row", EMPTY_MAX);
		return 0;
	}
	rc = note_place(p, next, &again);
	if (rc == 0 && again)
		p->broken = err_set(&p->why, -ELOOP,
				    "the next page is one that has come "
				    "already");
	else if (rc == 0)
		rc = place_set(&p->next, next);
	/* It comes once more, and isn't to be taken for a round. */
	if (rc)
		p->mark.n = 0;
	return rc;
}

static void swap_places(struct sf_pages *p)
{
	struct place read = p->read;

	p->read = p->next;
	p->next = read;
}

/* Wait for the next page and make it the one that is read. */
static int turn(struct sf_pages *p, struct err *err)
{
	const struct sf_result *r;
	int rc = ask_now(p);

	r = sf_answer_wait(p->answers[!p->reading], rc);
	p->asked = false;
	if (rc)
		return err_set(err, rc, "%s", r->problem);
	if (r->outcome != SF_OK)
		return err_set(err, code_of(r), "%s", r->problem);
	/* What was asked for is what is read, and nothing is lost of it where
	 * memory ends: the page comes once more. */
	swap_places(p);
	rc = r->body ? find_next(p, r->body) : -ENOMEM;
	if (rc) {
		swap_places(p);
		p->more = true;
		return err_set(err, rc, "out of memory");
	}
	p->reading = !p->reading;
	p->rows = sf_page_rows(r->body);
	p->at = 0;
	p->empty = json_count(p->rows) ? 0 : p->empty + 1;
	p->total = json_int(json_get(r->body, "total"), -1);
	return 0;
}

int sf_pages_next(const struct json **row, struct sf_pages *p, struct err *err)
{
	while (p->at >= json_count(p->rows)) {
		int rc;

		if (!p->more)
			return 0;
		if (p->broken)
			return err_set(err, p->broken, "%s", p->why.text);
		rc = turn(p, err);
		if (rc)
			return rc;
	}
	/* What can't begin now is asked for when it is needed. */
	if (p->more && !p->broken && !p->asked)
		ask(p);
	if (p->asked && !p->client->loop && p->at % TURN_ROWS == 0)
		sf_drive(p->client, &p->drive, 0);
	*row = json_item(p->rows, p->at++);
	return 1;
}

int64_t sf_pages_total(const struct sf_pages *p)
{
	return p->total;
}

void sf_pages_free(struct sf_pages *p)
{
	if (!p)
		return;
	for (int i = 0; i < 2; i++)
		sf_answer_free(p->answers[i]);
	arena_free(p->arena);
	free(p->read.text);
	free(p->next.text);
	free(p->mark.text);
	free(p->query);
	free(p);
}
