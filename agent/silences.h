#ifndef AGENT_SILENCES_H
#define AGENT_SILENCES_H

#include "agent/agent.h"
#include "rule/silence.h"

/*
 * Silences made at run time: kept by the store, and here in memory, compiled,
 * for triage. Any thread.
 */
struct silencing;

#define SILENCE_AHEAD_MS (30LL * 24 * 3600 * 1000)	/* an end's latest */
#define SILENCE_OWNER_MAX 200				/* bytes */
#define SILENCE_REASON_MAX 1000

/* Reads what the store has. */
int silencing_new(struct silencing **out, struct agent *a,
		  struct err *err) MUST_CHECK;
void silencing_free(struct silencing *s);

/*
 * For decisions: those in force, one reference, yours to drop by
 * silences_free(). NULL: none, as hold_source.silences takes it.
 */
struct silences *silencing_current(struct silencing *s);
size_t silencing_count(struct silencing *s);	/* in force */

/*
 * What silences that were ended early hold is made due at once. Triage alone
 * calls it, between its batches, and is woken for it: what it decided by an
 * older list is committed by then. Returns how much, or negative.
 */
int silencing_release(struct silencing *s);

/*
 * Check, keep, put into force. new: match, owner, reason and ends_ms are set;
 * the rest is filled, in arena. -EINVAL: *field names what is wrong, err says
 * how; -ENOSPC: as many as may be are in force; or what the store says.
 */
int silencing_add(struct silence *new, struct silencing *s,
		  struct arena *arena, const char **field, struct err *err);
/* As the store keeps it. */
struct store_silence silence_row(const struct silence *x);
/*
 * Let one in force last longer: by by_ms, or, where that is 0, until ends_ms.
 * 1 and *out, 0 (none of this id is in force), -EINVAL where that isn't later
 * than it ends anyhow, or too late; or what the store says.
 */
int silencing_extend(struct store_silence *out, struct silencing *s,
		     struct str id, int64_t by_ms, int64_t ends_ms,
		     struct arena *arena, struct err *err);
/* End one now: 1 done, 0 none of this id is in force, negative. */
int silencing_expire(struct silencing *s, struct str id);

/* The wall clock went back and the store has moved all ends with it. */
void silencing_reload(struct silencing *s);

#endif
