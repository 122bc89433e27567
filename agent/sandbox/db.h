#ifndef AGENT_SANDBOX_DB_H
#define AGENT_SANDBOX_DB_H

#include <pthread.h>
#include <sqlite3.h>

#include "agent/sandbox/records.h"

/* What the files behind records.h share. */
struct box_records {
	sqlite3 *db;
	pthread_mutex_t lock;
};

/* Prepare and lock; box_db_done() finalizes and unlocks. */
int box_db_begin(sqlite3_stmt **out, struct box_records *r, const char *sql,
		 struct err *err) MUST_CHECK;
void box_db_done(sqlite3_stmt *st, struct box_records *r);
/* Run a statement without rows and box_db_done() it; BOX_NOT_FOUND where it
 * changed nothing. */
int box_db_finish(sqlite3_stmt *st, struct box_records *r,
		  struct err *err) MUST_CHECK;

void box_db_bind(sqlite3_stmt *st, int at, struct str s); /* borrowed */
struct str box_db_column(sqlite3_stmt *st, int at);
/* -EIO with the database's words. */
int box_db_failed(struct box_records *r, struct err *err);

#endif
