#ifndef AGENT_CMD_JOURNAL_H
#define AGENT_CMD_JOURNAL_H

#include "agent/past.h"

/*
 * The journal for commands that look back: of the agent that answers at the
 * configuration's admin address, else its store, opened read-only; or a file
 * that `tocsin events --export` wrote. Failures are told on stderr.
 */
struct journal;

struct journal_options {
	const char *conf;	/* -c FILE, or NULL */
	const char *file;	/* exported events, "-": standard input; NULL:
				   the journal */
	int64_t since_ms;	/* events received from then on */
	bool bare;		/* of a journal: without their payloads */
};

/* 0 or an exit status. */
int journal_open(struct journal **out, const struct journal_options *o);
void journal_close(struct journal *j);

/*
 * The next event's line, without its end, good until the next call: 1; 0: no
 * more; negative.
 */
int journal_line(struct str *out, struct journal *j);
int journal_line_number(const struct journal *j);	/* of a file, from 1 */

/* The line of one event, by its public id: 1, 0 (there is none), negative. */
int journal_event(struct buf *out, struct journal *j, struct str id);
/* The same by its number. */
int journal_at(struct buf *out, struct journal *j, int64_t seq);
/* The sources of a rule set by its hash: 1, 0 (not kept), negative. */
int journal_ruleset(struct buf *out, struct journal *j, struct str hash);

/* "30d" as a time so long ago; 0, or CMD_USAGE, told. */
int journal_since(int64_t *out_ms, const char *command, const char *span);

/* The store that is read itself; NULL: an agent is asked, or a file read. */
struct store_reader *journal_reader(struct journal *j);

struct conf;
/* The store itself, to be read, and the configuration that names it: 0, or an
 * exit status after the failure was told. */
int journal_look(struct store_reader **out, struct conf **conf,
		 const char *path);

#endif
