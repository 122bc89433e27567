#include "store/sqlite_sql.h"

#include "incident/incident.h"
#include "store/store.h"

/* The numbers that stand in the texts below. */
_Static_assert(OP_READY == 1 && OP_IN_FLIGHT == 2 && OP_IN_DOUBT == 3 &&
		       OP_DONE == 4 && OP_DEAD == 5 && OP_CREATE == 1 &&
		       OP_NOTE == 2 && OP_RESOLVE == 3 && OP_AUDIT == 9 &&
		       OP_REJECTED == 10 && OP_ENRICH == 12,
	       "operations");
_Static_assert(INCIDENT_OPEN == 1 && ALARM_OK == 1 && ALARM_FIRING == 2 &&
		       WAIT_OPEN_AFTER == 1 && WAIT_HOLD == 2,
	       "incidents");

/*
 * event is narrow and written once; what is decided of it goes to outcome, so
 * that triage never rewrites the pages that hold payloads. untriaged holds the
 * events without an outcome: small as a rule, so that neither a start nor a
 * look for work walks the journal.
 *
 * identity holds what makes an event known, by its own time first: alarms
 * arrive nearly in that order, so that the index grows at its end instead of
 * everywhere. hash is keyed, 64 bits; two identities of one millisecond and
 * one hash are taken for one. day: when it arrived, for expiry.
 *
 * An op's pos is its place in its lane: its id, but 0 for the create, which
 * may be younger than notes that were moved to its incident. free: nothing
 * before it there is unfinished, and no create is dead. Only free ones are in
 * op_due, so that a long backlog behind a few slow lanes costs nothing.
 */
const char sql_schema[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE identity (change_ms INTEGER, hash INTEGER,"
	" seq INTEGER, day INTEGER, PRIMARY KEY (change_ms, hash))"
	" WITHOUT ROWID;"
	"CREATE TABLE event (seq INTEGER PRIMARY KEY, hash INTEGER,"
	" change_ms INTEGER, received_ms INTEGER, sent_ms INTEGER,"
	" first INTEGER, position INTEGER, intake, kind, name, state,"
	" account, region, topic, message_id, subject);"
	"CREATE TABLE payload (first INTEGER PRIMARY KEY, count INTEGER,"
	" body);"
	"CREATE TABLE untriaged (seq INTEGER PRIMARY KEY);"
	"CREATE TABLE outcome (seq INTEGER PRIMARY KEY, status INTEGER,"
	" action, because, team, policy, place, ruleset, incident INTEGER,"
	" decided_ms INTEGER);"
	"CREATE TABLE incident (id INTEGER PRIMARY KEY, key_hash INTEGER,"
	" key, incarnation INTEGER, version INTEGER, state INTEGER,"
	" remote, previous, priority INTEGER, severity INTEGER, team,"
	" policy, place,"
	" short_description, assignment_group, ci_id, account, region,"
	" alarm, opened_ms INTEGER, changed_ms INTEGER,"
	" resolved_ms INTEGER, events INTEGER, notes INTEGER,"
	" note_after_ms INTEGER, reopen_within_ms INTEGER,"
	" notes_every_ms INTEGER, notes_max INTEGER,"
	" still_firing INTEGER);"
	"CREATE UNIQUE INDEX incident_key"
	" ON incident (key_hash, incarnation);"
	"CREATE INDEX incident_open ON incident (state) WHERE state = 1;"
	"CREATE INDEX incident_remote ON incident (remote)"
	" WHERE remote <> '';"
	"CREATE TABLE member (id INTEGER PRIMARY KEY,"
	" subject_hash INTEGER, subject, incident INTEGER, state INTEGER,"
	" changed_ms INTEGER);"
	"CREATE UNIQUE INDEX member_subject ON member (subject_hash);"
	"CREATE INDEX member_incident ON member (incident, state);"
	"CREATE TABLE op (id INTEGER PRIMARY KEY, incident INTEGER,"
	" pos INTEGER, kind INTEGER, state INTEGER, rank INTEGER,"
	" free INTEGER, priority INTEGER, held INTEGER, attempts INTEGER,"
	" searches INTEGER, created_ms INTEGER, not_before_ms INTEGER,"
	" sent_ms INTEGER, searched_ms INTEGER, target, body, events,"
	" count INTEGER, marker, status INTEGER, problem);"
	"CREATE INDEX op_state ON op (state);"
	"CREATE INDEX op_lane ON op (incident, pos) WHERE state <> 4;"
	"CREATE INDEX op_due ON op (rank, not_before_ms)"
	" WHERE state = 1 AND free = 1;"
	"CREATE TABLE known (marker TEXT, remote TEXT,"
	" PRIMARY KEY (marker, remote)) WITHOUT ROWID;"
	"CREATE TABLE rules (file TEXT PRIMARY KEY, text) WITHOUT ROWID;";

/*
 * An incident's opened_of (a hash of its team; 0: a parent) and behind (one of
 * its policy, where a hold may ask for it) are written once: their indexes,
 * like those of timers, cost a repeat nothing.
 */
static const char timers[] =
	"ALTER TABLE incident ADD COLUMN due_ms INTEGER;"
	"ALTER TABLE incident ADD COLUMN resolve_ms INTEGER;"
	"ALTER TABLE incident ADD COLUMN escalate_ms INTEGER;"
	"ALTER TABLE incident ADD COLUMN escalations;"
	"ALTER TABLE incident ADD COLUMN held_ms INTEGER;"
	"ALTER TABLE incident ADD COLUMN held_by;"
	"ALTER TABLE incident ADD COLUMN group_ms INTEGER;"
	"ALTER TABLE incident ADD COLUMN parent INTEGER;"
	"ALTER TABLE incident ADD COLUMN event INTEGER;"
	"ALTER TABLE incident ADD COLUMN context;"
	"ALTER TABLE incident ADD COLUMN opened_of INTEGER;"
	"ALTER TABLE incident ADD COLUMN behind INTEGER;"
	"CREATE INDEX incident_due ON incident (due_ms) WHERE due_ms > 0;"
	"CREATE INDEX incident_opened ON incident (opened_of, opened_ms)"
	" WHERE opened_of <> 0;"
	"CREATE INDEX incident_behind ON incident (behind)"
	" WHERE state = 1 AND behind <> 0;"
	"ALTER TABLE member ADD COLUMN wait INTEGER;"
	"ALTER TABLE member ADD COLUMN due_ms INTEGER;"
	"ALTER TABLE member ADD COLUMN since_ms INTEGER;"
	"ALTER TABLE member ADD COLUMN event INTEGER;"
	"ALTER TABLE member ADD COLUMN held_by;"
	"ALTER TABLE member ADD COLUMN held_about;"
	"CREATE INDEX member_due ON member (due_ms) WHERE due_ms > 0;"
	"CREATE INDEX member_event ON member (event) WHERE due_ms > 0;"
	"CREATE TABLE tally (id INTEGER PRIMARY KEY, key_hash INTEGER, key,"
	" newest_ms INTEGER, alarms, flips);"
	"CREATE UNIQUE INDEX tally_key ON tally (key_hash);"
	SQL_SCHEMA_RULESET SQL_SCHEMA_SILENCE;

/*
 * What is found by op_lane while it is owed is found by op_done afterwards, and
 * counted by op_ended, which grows at its end.
 */
static const char evidence[] =
	"CREATE TABLE audit (id INTEGER PRIMARY KEY, at_ms INTEGER, who,"
	" action, resource_type, resource_id, details);"
	"ALTER TABLE payload ADD COLUMN trust;"
	"ALTER TABLE outcome ADD COLUMN world;"
	"ALTER TABLE op ADD COLUMN doubt_ms INTEGER;"
	"ALTER TABLE op ADD COLUMN done_ms INTEGER;"
	"UPDATE op SET done_ms = max(created_ms, sent_ms)"
	" WHERE state IN (4, 5);"
	"CREATE INDEX op_done ON op (incident) WHERE state = 4;"
	"CREATE INDEX op_ended ON op (done_ms, kind) WHERE state = 4;";

/* The same tables, with kinds of operations that an older tocsin would take
 * for dead letters. */
static const char enrichment[] = "";

const char *const sql_upgrade[] = { NULL, timers, evidence, enrichment };
_Static_assert(sizeof(sql_upgrade) / sizeof(*sql_upgrade) ==
		       SQL_SCHEMA_VERSION, "an upgrade to each version");

#define EVENT                                                                 \
	"e.seq, e.hash, e.change_ms, e.received_ms, e.sent_ms, e.first,"      \
	" e.position, e.intake, e.kind, e.name, e.state, e.account,"          \
	" e.region, e.topic, e.message_id, e.subject"
#define OUTCOME                                                               \
	"o.status, o.action, o.because, o.team, o.policy, o.place,"           \
	" o.ruleset, o.incident, o.decided_ms, o.world"
#define INCIDENT                                                              \
	"id, key, incarnation, version, state, remote, previous, priority,"   \
	" severity, team, policy, place, short_description,"                  \
	" assignment_group, ci_id, account, region, alarm, opened_ms,"        \
	" changed_ms, resolved_ms, events, notes, note_after_ms,"             \
	" reopen_within_ms, notes_every_ms, notes_max, still_firing,"          \
	" due_ms, resolve_ms, escalate_ms, escalations, held_ms, held_by,"    \
	" group_ms, parent, event, context"
#define MEMBER                                                                \
	"m.id, m.subject, m.incident, m.state, m.changed_ms, m.wait,"         \
	" m.due_ms, m.since_ms, m.event, m.held_by, m.held_about"
#define OP                                                                    \
	"op.id, op.incident, op.kind, op.state, op.priority, op.held,"        \
	" op.attempts, op.searches, op.created_ms, op.not_before_ms,"         \
	" op.sent_ms, op.searched_ms,"                                        \
	" CASE WHEN op.target <> '' THEN op.target ELSE i.remote END,"        \
	" op.body, op.events, op.count, op.marker, op.status, op.problem,"    \
	" op.doubt_ms, op.done_ms"
#define AUDIT                                                                 \
	"id, at_ms, who, action, resource_type, resource_id, details"         \
	" FROM audit"
#define OF_OP(index)                                                          \
	" FROM op" index " LEFT JOIN incident i ON i.id = op.incident "
/* What lets nothing behind it in its lane go. */
#define BLOCKS "state <> 4 AND (state <> 5 OR kind = 1)"
#define BEHIND_DEAD                                                           \
	"EXISTS (SELECT 1 FROM op d INDEXED BY op_lane"                       \
	" WHERE d.incident = o.incident AND d.pos = 0"                        \
	" AND d.state <> 4 AND d.state = 5)"
/* Ready or under way, and in the backlog: an audit (9) and what is asked for
 * good measure (12) never are. */
#define OWED                                                                  \
	"o.kind NOT IN (9, 12) AND (o.state IN (2, 3) OR (o.state = 1 AND o.held = 0"   \
	" AND NOT " BEHIND_DEAD "))"
#define WINDOW(id, time, table)                                               \
	"SELECT count(*), max(" id "), max(" time ") FROM (SELECT " id        \
	", " time " FROM " table " WHERE " id " > ?1 ORDER BY " id            \
	" LIMIT ?2)"

/* Where a search that begins below ?1 ends, and the oldest there is. */
#define FLOOR(id, table)                                                      \
	"SELECT max(0, min(?1, 1 + coalesce((SELECT max(" id ") FROM "        \
	table "), 0)) - ?2), coalesce((SELECT min(" id ") FROM " table        \
	"), 0)"
/* ?3 is a pattern. The same for ASCII letters of either case. */
#define HAS(column) column " LIKE ?3 ESCAPE '\\'"

const char *const sql_text[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_BEGIN_READ] = "BEGIN",
	[SQL_PAGE_COUNT] = "PRAGMA page_count",
	[SQL_FREE_COUNT] = "PRAGMA freelist_count",

	/* OR IGNORE and a count of changes: one seek both asks and inserts. */
	[SQL_PUT_IDENTITY] = "INSERT OR IGNORE INTO identity"
			     " VALUES (?, ?, ?, ?)",
	[SQL_PUT_EVENT] = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?,"
			  " ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_PUT_PAYLOAD] = "INSERT INTO payload VALUES (?, ?, ?, ?)",
	[SQL_PUT_UNTRIAGED] = "INSERT INTO untriaged SELECT seq FROM event"
			      " WHERE seq >= ? AND seq < ?",
	[SQL_TRIAGED] = "DELETE FROM untriaged WHERE seq BETWEEN ? AND ?",
	[SQL_HAS_EVENT] = "SELECT seq FROM event WHERE seq = ?",
	[SQL_PUT_OUTCOME] = "INSERT OR REPLACE INTO outcome VALUES"
			    " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_PUT_META] = "INSERT OR REPLACE INTO meta VALUES (?, ?)",
	[SQL_PUT_KNOWN] = "INSERT OR IGNORE INTO known VALUES (?, ?)",
	[SQL_PUT_RULES] = "INSERT OR REPLACE INTO rules VALUES (?, ?)",
	[SQL_PUT_AUDIT] = "INSERT INTO audit VALUES"
			  " (NULL, ?, ?, ?, ?, ?, ?)",

	[SQL_PUT_INCIDENT] =
		"INSERT INTO incident (id, key_hash, key, incarnation,"
		" version, state, remote, previous, priority, severity,"
		" team, policy, place,"
		" short_description, assignment_group, ci_id, account, region,"
		" alarm, changed_ms, resolved_ms, events, notes,"
		" note_after_ms, reopen_within_ms, notes_every_ms, notes_max,"
		" still_firing, resolve_ms, escalate_ms, escalations, held_ms,"
		" held_by, group_ms, parent, event, opened_ms, due_ms,"
		" context, opened_of, behind)"
		" VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_SEEN_INCIDENT] =
		"SELECT version, state, due_ms FROM incident WHERE id = ?",
	/* Without the columns of an index, which are rewritten when named. */
	[SQL_SET_INCIDENT] =
		"UPDATE incident SET version = version + 1, previous = ?,"
		" priority = ?, severity = ?,"
		" team = ?, policy = ?, place = ?, short_description = ?,"
		" assignment_group = ?, ci_id = ?, account = ?, region = ?,"
		" alarm = ?, changed_ms = ?, resolved_ms = ?,"
		" events = ?, notes = ?, note_after_ms = ?,"
		" reopen_within_ms = ?, notes_every_ms = ?, notes_max = ?,"
		" still_firing = ?, resolve_ms = ?, escalate_ms = ?,"
		" escalations = ?, held_ms = ?, held_by = ?, group_ms = ?,"
		" parent = ?, event = ? WHERE id = ?",
	[SQL_SET_INCIDENT_STATE] =
		"UPDATE incident SET state = ?, due_ms = ? WHERE id = ?",
	[SQL_SET_REMOTE] = "UPDATE incident SET remote = ? WHERE id = ?",
	[SQL_REMOTE_OF] = "SELECT remote FROM incident WHERE id = ?",
	[SQL_PUT_MEMBER] = "INSERT INTO member (id, subject_hash, subject,"
			   " incident, state, changed_ms, wait, due_ms,"
			   " since_ms, event, held_by, held_about)"
			   " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_SEEN_MEMBER] = "SELECT wait, due_ms, since_ms, event, held_by"
			    " FROM member WHERE id = ?",
	[SQL_SET_MEMBER] = "UPDATE member SET incident = ?, state = ?,"
			   " changed_ms = ? WHERE id = ?",
	[SQL_SET_MEMBER_TIME] =
		"UPDATE member SET changed_ms = ? WHERE id = ?"
		" AND incident = ? AND state = ? AND wait = 0",
	[SQL_SET_MEMBER_WAIT] =
		"UPDATE member SET wait = ?, due_ms = ?, since_ms = ?,"
		" event = ?, held_by = ?, held_about = ? WHERE id = ?",
	[SQL_PUT_TALLY] = "INSERT INTO tally (id, key_hash, key, newest_ms,"
			  " alarms, flips) VALUES (?, ?, ?, ?, ?, ?)",
	[SQL_SET_TALLY] = "UPDATE tally SET newest_ms = ?, alarms = ?,"
			  " flips = ? WHERE id = ?",
	[SQL_SETTLE] = "UPDATE outcome SET action = ?1, because = ?2,"
		       " incident = CASE ?3 WHEN 0 THEN incident ELSE ?3 END"
		       " WHERE seq = ?4",
	/* 2: in a hold, as member.wait tells. */
	[SQL_AGAIN_MEMBERS] =
		"UPDATE member SET due_ms = ?1 WHERE id IN"
		" (SELECT id FROM member INDEXED BY member_due"
		" WHERE due_ms > 0 AND due_ms > ?1 AND due_ms <= ?2"
		" AND wait = 2)",
	[SQL_AGAIN_INCIDENTS] =
		"UPDATE incident SET version = version + 1, held_ms = ?1,"
		" due_ms = min(due_ms, ?1) WHERE id IN"
		" (SELECT id FROM incident INDEXED BY incident_due"
		" WHERE due_ms > 0 AND held_ms > ?1 AND held_ms <= ?2)",

	[SQL_PUT_OP] = "INSERT INTO op (id, created_ms, kind, incident, pos,"
		       " state,"
		       " rank, free, not_before_ms, priority, held, attempts,"
		       " searches, sent_ms, searched_ms, target, body, events,"
		       " count, marker, status, problem, doubt_ms, done_ms)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?,"
		       " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_SEEN_OP] = "SELECT incident, pos, kind, state, held, rank,"
			" not_before_ms, free FROM op WHERE id = ?",
	[SQL_SET_OP] = "UPDATE op SET kind = ?, incident = ?, pos = ?,"
		       " state = ?,"
		       " rank = ?, free = ?, not_before_ms = ?,"
		       " priority = ?, held = ?,"
		       " attempts = ?, searches = ?, sent_ms = ?,"
		       " searched_ms = ?, target = ?, body = ?, events = ?,"
		       " count = ?, marker = ?, status = ?, problem = ?,"
		       " doubt_ms = ?, done_ms = ? WHERE id = ?",
	[SQL_SET_OP_CONTENT] =
		"UPDATE op SET priority = ?, held = ?, attempts = ?,"
		" searches = ?, sent_ms = ?, searched_ms = ?, target = ?,"
		" body = ?, events = ?, count = ?, marker = ?, status = ?,"
		" problem = ?, doubt_ms = ? WHERE id = ?",
	[SQL_SET_OP_STATE] =
		"UPDATE op SET state = ?1, free = ?2, not_before_ms = ?3,"
		" held = ?4, attempts = ?5, searches = ?6, sent_ms = ?7,"
		" searched_ms = ?8, target = ?9, status = ?10, problem = ?11,"
		" body = CASE ?1 WHEN 4 THEN NULL ELSE body END,"
		" doubt_ms = ?12, done_ms = ?13 WHERE id = ?14",
	[SQL_MOVE_OPS] = "UPDATE op SET incident = ?2, free = 0 WHERE id IN"
			 " (SELECT id FROM op INDEXED BY op_lane"
			 " WHERE incident = ?1 AND state <> 4 AND state = 1)",
	[SQL_MOVE_MEMBERS] = "UPDATE member SET incident = ?2"
			     " WHERE incident = ?1",
	[SQL_LANE_HEAD] = "SELECT id, free FROM op INDEXED BY op_lane"
			  " WHERE incident = ? AND " BLOCKS
			  " ORDER BY pos, id LIMIT 1",
	[SQL_LANE_FREE] = "UPDATE op SET free = 1 WHERE id = ?",
	[SQL_LANE_BLOCK] = "UPDATE op SET free = 0 WHERE id IN"
			   " (SELECT id FROM op INDEXED BY op_lane"
			   " WHERE incident = ? AND id <> ? AND state <> 4"
			   " AND free = 1)",
	[SQL_LANE_OPEN] = "SELECT count(*) FROM op o INDEXED BY op_lane"
			  " WHERE o.incident = ? AND o.state <> 4"
			  " AND " OWED,
	[SQL_LANE_DEAD] = "SELECT 1 FROM op INDEXED BY op_lane"
			  " WHERE incident = ? AND pos = 0 AND state <> 4"
			  " AND state = 5 LIMIT 1",

	[SQL_RECOVER_FLIGHT] = "UPDATE op SET state = 3, doubt_ms = ?"
			       " WHERE state = 2",
	/* What is held may be for long; made later than now, it waits anew. */
	[SQL_RECOVER_CLAMP] =
		"UPDATE op SET created_ms = min(created_ms, ?1),"
		" not_before_ms = ?1 + held * max(0, not_before_ms - created_ms)"
		" WHERE state IN (1, 2, 3) AND not_before_ms > ?1 + 3600000"
		" AND not_before_ms < ?2 AND (held = 0 OR created_ms > ?1)",
	[SQL_CLOCK_BACK] =
		"UPDATE op SET created_ms = created_ms - ?2,"
		" not_before_ms = not_before_ms - ?2"
		" WHERE state IN (1, 2, 3) AND not_before_ms > ?1"
		" AND not_before_ms < ?3",
	[SQL_BACK_MEMBERS] =
		"UPDATE member SET due_ms = max(1, due_ms - ?2),"
		" since_ms = since_ms - ?2 * (since_ms > ?1) WHERE id IN"
		" (SELECT id FROM member INDEXED BY member_due"
		" WHERE due_ms > 0 AND due_ms > ?1)",
	[SQL_BACK_INCIDENTS] =
		"UPDATE incident SET version = version + 1,"
		" due_ms = due_ms - ?2 * (due_ms > ?1),"
		" resolve_ms = resolve_ms - ?2 * (resolve_ms > ?1),"
		" escalate_ms = escalate_ms - ?2 * (escalate_ms > ?1),"
		" held_ms = held_ms - ?2 * (held_ms > ?1),"
		" group_ms = group_ms - ?2 * (group_ms > ?1) WHERE id IN"
		" (SELECT id FROM incident INDEXED BY incident_due"
		" WHERE due_ms > 0"
		" UNION SELECT id FROM incident INDEXED BY incident_open"
		" WHERE state = 1 AND group_ms > ?1)",
	[SQL_BACK_TALLIES] =
		"SELECT id, key, newest_ms, alarms, flips FROM tally"
		" WHERE newest_ms > ?1 AND id > ?2 ORDER BY id LIMIT 1",
	[SQL_NEWEST_EVENT] = "SELECT received_ms FROM event WHERE seq >= ?"
			     " ORDER BY seq DESC LIMIT 1",
	[SQL_EVENT_WINDOW] = WINDOW("seq", "received_ms", "event"),
	[SQL_DROP_EVENTS] =
		"DELETE FROM event WHERE seq > ?1 AND seq <= ?2 AND seq IN"
		" (SELECT o.seq FROM outcome o LEFT JOIN incident i"
		" ON i.id = o.incident WHERE o.seq > ?1 AND o.seq <= ?2"
		" AND o.decided_ms < ?3 AND i.state IS NOT 1"
		" AND NOT EXISTS (SELECT 1 FROM member m"
		" INDEXED BY member_event"
		" WHERE m.event = o.seq AND m.due_ms > 0))",
	[SQL_DROP_OUTCOMES] =
		"DELETE FROM outcome WHERE seq > ?1 AND seq <= ?2"
		" AND NOT EXISTS (SELECT 1 FROM event"
		" WHERE event.seq = outcome.seq)",
	[SQL_DROP_PAYLOADS] =
		"DELETE FROM payload WHERE first > ?1 AND first <= ?2"
		" AND NOT EXISTS (SELECT 1 FROM event"
		" WHERE seq >= payload.first"
		" AND seq < payload.first + payload.count)",
	[SQL_OP_WINDOW] = WINDOW("id", "created_ms", "op"),
	[SQL_DROP_OPS] = "DELETE FROM op WHERE id > ?1 AND id <= ?2"
			 " AND state = 4 AND created_ms < ?3",
	[SQL_INCIDENT_WINDOW] = WINDOW("id", "opened_ms", "incident"),
	[SQL_DROP_INCIDENTS] =
		"DELETE FROM incident WHERE id > ?1 AND id <= ?2"
		" AND state <> 1 AND changed_ms < ?3"
		" AND EXISTS (SELECT 1 FROM incident n"
		" WHERE n.key_hash = incident.key_hash"
		" AND n.incarnation > incident.incarnation)"
		" AND NOT EXISTS (SELECT 1 FROM op INDEXED BY op_lane"
		" WHERE op.incident = incident.id AND op.state <> 4)",
	[SQL_MEMBER_WINDOW] = WINDOW("id", "0", "member"),
	[SQL_DROP_MEMBERS] =
		"DELETE FROM member WHERE id > ?1 AND id <= ?2"
		" AND state = 1 AND changed_ms < ?3"
		" AND NOT EXISTS (SELECT 1 FROM incident i"
		" WHERE i.id = member.incident AND i.state = 1)",
	[SQL_TALLY_WINDOW] = WINDOW("id", "newest_ms", "tally"),
	[SQL_DROP_TALLIES] =
		"DELETE FROM tally WHERE id > ?1 AND id <= ?2"
		" AND newest_ms < ?3",
	[SQL_IDENTITY_WINDOW] =
		WINDOW("change_ms", "change_ms", "identity"),
	[SQL_DROP_IDENTITIES] =
		"DELETE FROM identity WHERE change_ms > ?1 AND change_ms <= ?2"
		" AND change_ms < ?3 AND day < ?3 / 86400000",
	[SQL_AUDIT_WINDOW] = WINDOW("id", "at_ms", "audit"),
	[SQL_DROP_AUDIT] = "DELETE FROM audit WHERE id > ?1 AND id <= ?2"
			   " AND at_ms < ?3",

	[SQL_COUNT_UNTRIAGED] = "SELECT count(*) FROM untriaged",
	[SQL_COUNT_OPS] = "SELECT o.state, count(*), total(o.held), total("
			  OWED ") FROM op o WHERE o.state IN (1, 2, 3, 5)"
			  " GROUP BY o.state",
	[SQL_COUNT_OPEN] = "SELECT count(*) FROM incident WHERE state = 1",
	[SQL_COUNT_WAITS] =
		"SELECT total(wait = 1), total(wait = 2) FROM member"
		" INDEXED BY member_due WHERE due_ms > 0",
	[SQL_COUNT_TIMERS] =
		"SELECT count(*) FROM incident WHERE due_ms > 0",
	[SQL_LAST_IDS] = "SELECT (SELECT max(seq) FROM event),"
			 " (SELECT max(id) FROM incident),"
			 " (SELECT max(id) FROM member),"
			 " (SELECT max(id) FROM op),"
			 " (SELECT max(id) FROM tally)",

	[SQL_NEW_EVENTS] = "SELECT " EVENT " FROM untriaged u"
			   " JOIN event e ON e.seq = u.seq"
			   " WHERE u.seq > ? ORDER BY u.seq LIMIT ?",
	[SQL_PAYLOAD] = "SELECT body FROM payload WHERE first = ?",
	[SQL_TRUST] = "SELECT trust FROM payload WHERE first = ?",
	/* A walk, the newest first: asked by people only. */
	[SQL_EVENT_OF_HASH] = "SELECT seq FROM identity WHERE hash = ?"
			      " ORDER BY change_ms DESC LIMIT 1",
	[SQL_EVENT] = "SELECT " EVENT ", " OUTCOME " FROM event e"
		      " LEFT JOIN outcome o ON o.seq = e.seq"
		      " WHERE e.seq = ?",
	[SQL_LIST_EVENTS] = "SELECT " EVENT ", " OUTCOME " FROM event e"
			    " LEFT JOIN outcome o ON o.seq = e.seq"
			    " WHERE e.seq < ? ORDER BY e.seq DESC LIMIT ?",
	[SQL_LIST_EVENTS_NAMED] =
		"SELECT " EVENT ", " OUTCOME " FROM event e"
		" LEFT JOIN outcome o ON o.seq = e.seq"
		" WHERE e.seq < ? AND e.name = ?"
		" ORDER BY e.seq DESC LIMIT ?",
	[SQL_INCIDENT_BY_KEY] = "SELECT " INCIDENT " FROM incident"
				" WHERE key_hash = ? AND key = ?"
				" ORDER BY incarnation DESC LIMIT 1",
	[SQL_INCIDENT_BY_ID] = "SELECT " INCIDENT " FROM incident"
			       " WHERE id = ?",
	/* Compared by who asks: a bound state has the statement prepared anew,
	 * for the sake of the indexes that are partial by it. */
	[SQL_UNCHANGED] = "SELECT i.id, i.version, op.state, op.attempts,"
			  " op.not_before_ms, i.remote FROM op"
			  " JOIN incident i ON i.id = op.incident"
			  " WHERE op.id = ?",
	[SQL_LIST_INCIDENTS] = "SELECT " INCIDENT " FROM incident"
			       " WHERE id < ? ORDER BY id DESC LIMIT ?",
	[SQL_LIST_INCIDENTS_OPEN] =
		"SELECT " INCIDENT " FROM incident WHERE state = 1"
		" AND id < ? ORDER BY id DESC LIMIT ?",
	[SQL_LIST_INCIDENTS_IN] =
		"SELECT " INCIDENT " FROM incident WHERE id < ?"
		" AND state = ? ORDER BY id DESC LIMIT ?",
	[SQL_REMOTE_IS_OURS] = "SELECT 1 FROM incident"
			       " WHERE remote = ? AND remote <> '' LIMIT 1",
	[SQL_MEMBER] = "SELECT " MEMBER " FROM member m"
		       " WHERE m.subject_hash = ? AND m.subject = ?",
	[SQL_FIRING_OPEN] =
		"SELECT " MEMBER " FROM incident i INDEXED BY incident_open"
		" CROSS JOIN member m INDEXED BY member_incident"
		" ON m.incident = i.id AND m.state = 2 WHERE i.state = 1"
		" AND (i.id > ?1 OR (i.id = ?1 AND m.id > ?2))"
		" ORDER BY i.id, m.id LIMIT ?3",
	[SQL_OTHERS_FIRING] =
		"SELECT count(*) FROM (SELECT 1 FROM member"
		" INDEXED BY member_incident WHERE incident = ? AND state = 2"
		" AND id <> ? LIMIT 1000)",
	[SQL_TALLY] = "SELECT id, key, newest_ms, alarms, flips FROM tally"
		      " WHERE key_hash = ? AND key = ?",
	[SQL_OPENED] =
		"SELECT count(*) FROM (SELECT 1 FROM incident"
		" INDEXED BY incident_opened WHERE opened_of = ?1"
		" AND opened_of <> 0 AND opened_ms BETWEEN ?2 AND ?3"
		" LIMIT 1000)",
	[SQL_OPEN_BEHIND] =
		"SELECT context, " INCIDENT
		" FROM incident INDEXED BY incident_behind"
		" WHERE state = 1 AND behind <> 0 AND behind = ? ORDER BY id",
	[SQL_DUE_WAITS] =
		"SELECT " MEMBER " FROM member m INDEXED BY member_due"
		" WHERE m.due_ms > 0 AND m.due_ms <= ?"
		" ORDER BY m.due_ms, m.id LIMIT ?",
	[SQL_DUE_TIMERS] =
		"SELECT " INCIDENT " FROM incident INDEXED BY incident_due"
		" WHERE due_ms > 0 AND due_ms <= ?"
		" ORDER BY due_ms, id LIMIT ?",
	[SQL_NEXT_WAIT] = "SELECT due_ms FROM member INDEXED BY member_due"
			  " WHERE due_ms > 0 ORDER BY due_ms LIMIT 1",
	[SQL_NEXT_TIMER] =
		"SELECT due_ms FROM incident INDEXED BY incident_due"
		" WHERE due_ms > 0 ORDER BY due_ms LIMIT 1",
	[SQL_OP] = "SELECT " OP OF_OP("") "WHERE op.id = ?",
	[SQL_LANE_TAIL] = "SELECT " OP OF_OP(" INDEXED BY op_lane")
			  "WHERE op.incident = ? AND op.state <> 4"
			  " ORDER BY op.pos DESC LIMIT 1",
	[SQL_NEXT_RANK] = "SELECT rank, not_before_ms FROM op"
			  " INDEXED BY op_due WHERE state = 1 AND free = 1"
			  " AND rank >= ? ORDER BY rank, not_before_ms"
			  " LIMIT 1",
	[SQL_DUE] = "SELECT " OP OF_OP(" INDEXED BY op_due")
		    "WHERE op.state = 1 AND op.free = 1 AND op.rank = ?"
		    " AND op.not_before_ms <= ?"
		    " ORDER BY op.not_before_ms, op.id LIMIT ?",
	[SQL_OPS_IN] = "SELECT " OP OF_OP("") "WHERE op.state = ?"
		       " ORDER BY op.id LIMIT ?",
	[SQL_LIST_OPS] = "SELECT " OP OF_OP("") "WHERE op.state = ?"
			 " AND op.id < ? ORDER BY op.id DESC LIMIT ?",
	[SQL_KNOWN] = "SELECT remote FROM known WHERE marker = ? LIMIT ?",
	[SQL_META] = "SELECT value FROM meta WHERE key = ?",
	[SQL_RULES] = "SELECT text FROM rules WHERE file = ?",

	[SQL_PUT_SILENCE] = "INSERT OR REPLACE INTO silence VALUES"
			    " (?, ?, ?, ?, ?, ?, ?)",
	[SQL_TRIM_SILENCES] =
		"DELETE FROM silence WHERE id IN (SELECT id FROM silence"
		" ORDER BY ends_ms DESC LIMIT -1 OFFSET ?)",
	[SQL_SILENCES] = "SELECT id, match, owner, reason, begins_ms,"
			 " ends_ms, created_ms FROM silence WHERE ends_ms > ?"
			 " ORDER BY created_ms DESC, id LIMIT ?",
	[SQL_DROP_SILENCES] = "DELETE FROM silence WHERE ends_ms < ?",
	[SQL_SILENCES_BACK] =
		"UPDATE silence SET begins_ms = begins_ms - ?2,"
		" ends_ms = ends_ms - ?2, created_ms = created_ms - ?2"
		" WHERE ends_ms > ?1",
	/* The version rises: what was decided of an older row is stale. */
	[SQL_RELEASE] = "UPDATE member SET due_ms = ?2 WHERE id IN"
			" (SELECT id FROM member INDEXED BY member_due"
			" WHERE due_ms > 0 AND due_ms > ?2 AND held_by = ?1"
			" AND wait = 2)",
	[SQL_RELEASE_OPEN] =
		"UPDATE incident SET held_ms = ?2, due_ms = ?2,"
		" version = version + 1 WHERE id IN"
		" (SELECT id FROM incident INDEXED BY incident_due"
		" WHERE due_ms > 0 AND state = 1 AND held_by = ?1"
		" AND held_ms > ?2)",
	[SQL_ENDED_EARLY] =
		"SELECT s.id FROM silence s JOIN (SELECT held_by FROM member"
		" INDEXED BY member_due WHERE due_ms > 0 AND wait = 2 UNION"
		" SELECT held_by FROM incident INDEXED BY incident_due"
		" WHERE due_ms > 0) h ON h.held_by = s.id WHERE s.ends_ms <= ?"
		" LIMIT ?",

	[SQL_END_RULESETS] = "UPDATE ruleset SET until_ms = ?1"
			     " WHERE until_ms = 0 AND hash <> ?2",
	[SQL_AGAIN_RULESET] = "UPDATE ruleset SET until_ms = 0, newest = 0"
			      " WHERE hash = ?",
	[SQL_PUT_RULESET] = "INSERT INTO ruleset VALUES (?, 0, 0, ?)",
	[SQL_MARK_RULESETS] = "UPDATE ruleset SET newest = ?"
			      " WHERE until_ms > 0 AND newest = 0",
	[SQL_DROP_RULESETS] =
		"DELETE FROM ruleset WHERE until_ms > 0 AND until_ms < ?"
		" AND NOT EXISTS (SELECT 1 FROM outcome"
		" WHERE seq <= newest AND outcome.ruleset = ruleset.hash)",
	[SQL_RULESET] = "SELECT body FROM ruleset WHERE hash = ?",
	[SQL_PAST_EVENTS] = "SELECT " EVENT ", " OUTCOME ", i.ci_id"
			    " FROM event e"
			    " LEFT JOIN outcome o ON o.seq = e.seq"
			    " LEFT JOIN incident i ON i.id = o.incident"
			    " WHERE e.seq > ? AND e.received_ms >= ?"
			    " ORDER BY e.seq LIMIT ?",
	[SQL_PAST_COUNT] = "SELECT count(*) FROM event"
			   " WHERE received_ms >= ?",

	[SQL_EVENT_FLOOR] = FLOOR("seq", "event"),
	[SQL_SEARCH_EVENTS] =
		"SELECT " EVENT ", " OUTCOME " FROM event e"
		" LEFT JOIN outcome o ON o.seq = e.seq"
		" WHERE e.seq < ?1 AND e.seq >= ?2"
		" AND (?3 = '' OR " HAS("e.name") " OR " HAS("e.account")
		" OR " HAS("e.region") " OR " HAS("e.kind") " OR "
		HAS("e.subject") " OR " HAS("e.topic") " OR "
		HAS("e.message_id") " OR " HAS("o.policy") " OR "
		HAS("o.place") " OR " HAS("o.team") ")"
		" AND (?4 = '' OR o.team = ?4) AND (?5 = '' OR e.name = ?5)"
		" ORDER BY e.seq DESC LIMIT ?6",
	[SQL_INCIDENT_FLOOR] = FLOOR("id", "incident"),
	[SQL_SEARCH_INCIDENTS] =
		"SELECT " INCIDENT " FROM incident"
		" WHERE id < ?1 AND id >= ?2"
		" AND (?3 = '' OR " HAS("alarm") " OR " HAS("key") " OR "
		HAS("remote") " OR " HAS("ci_id") " OR "
		HAS("short_description") ")"
		" AND (?4 = '' OR team = ?4) AND (?5 = 0 OR state = ?5)"
		" AND (?6 = 0 OR priority = ?6)"
		" ORDER BY id DESC LIMIT ?7",
	[SQL_MEMBERS] = "SELECT " MEMBER " FROM member m"
			" INDEXED BY member_incident WHERE m.incident = ?"
			" ORDER BY m.state DESC, m.id LIMIT ?",

	[SQL_LIST_AUDIT] = "SELECT " AUDIT " WHERE id < ?"
			   " ORDER BY id DESC LIMIT ?",
	/* A walk, the newest first: asked by people only. */
	[SQL_LIST_AUDIT_OF] = "SELECT " AUDIT " WHERE id < ?"
			      " AND resource_id = ? ORDER BY id DESC LIMIT ?",
	[SQL_LAST_AUDIT] = "SELECT max(id) FROM audit",
	[SQL_EVENT_OPS] =
		"WITH n (id) AS (SELECT b.id FROM incident a"
		" JOIN incident b ON b.key_hash = a.key_hash"
		" AND b.incarnation >= a.incarnation WHERE a.id = ?1),"
		" x (id) AS (SELECT o.id FROM n CROSS JOIN op o"
		" INDEXED BY op_lane WHERE o.incident = n.id AND o.state <> 4"
		" UNION ALL SELECT o.id FROM n CROSS JOIN op o"
		" INDEXED BY op_done WHERE o.incident = n.id AND o.state = 4)"
		" SELECT " OP " FROM x CROSS JOIN op ON op.id = x.id"
		" LEFT JOIN incident i ON i.id = op.incident"
		" WHERE instr(' ' || op.events || ' ', ' ' || ?2 || ' ') > 0"
		" ORDER BY op.id LIMIT ?3",
	[SQL_INCIDENT_OPS] =
		"WITH x (id) AS (SELECT id FROM op INDEXED BY op_lane"
		" WHERE incident = ?1 AND state <> 4"
		" UNION ALL SELECT id FROM op INDEXED BY op_done"
		" WHERE incident = ?1 AND state = 4)"
		" SELECT " OP " FROM x CROSS JOIN op ON op.id = x.id"
		" LEFT JOIN incident i ON i.id = op.incident"
		" WHERE op.id < ?2 ORDER BY op.id DESC LIMIT ?3",
	[SQL_LAST_EVENT] = "SELECT max(seq) FROM event",
	[SQL_EVENT_FROM] = "SELECT seq, received_ms FROM event WHERE seq >= ?"
			   " ORDER BY seq LIMIT 1",
	[SQL_LAST_INCIDENT] = "SELECT max(id) FROM incident",
	[SQL_INCIDENT_FROM] = "SELECT id, opened_ms FROM incident"
			      " WHERE id >= ? ORDER BY id LIMIT 1",
	[SQL_SERIES_OPS] =
		"SELECT (done_ms - ?1) / ?2 AS bucket, kind, count(*) FROM op"
		" INDEXED BY op_ended WHERE state = 4 AND done_ms >= ?1"
		" AND done_ms < ?3 AND kind IN (2, 3) GROUP BY bucket, kind",

	[SQL_ERASE_WINDOW] =
		"SELECT first, count FROM payload WHERE first > ?"
		" AND body IS NOT NULL ORDER BY first LIMIT ?",
	/* The numbers are those of sqlite_erase.c's reasons. */
	[SQL_ERASE_EVENTS] =
		"SELECT e.hash, e.received_ms < ?3"
		" AND (?4 IS NULL OR e.account = ?4), e.kind = 'rejected',"
		" CASE WHEN o.seq IS NULL THEN 1 WHEN i.state = 1 THEN 2"
		" WHEN EXISTS (SELECT 1 FROM member m INDEXED BY member_event"
		" WHERE m.event = e.seq AND m.due_ms > 0) THEN 3"
		" WHEN EXISTS (SELECT 1 FROM op INDEXED BY op_lane"
		" WHERE op.incident = o.incident AND o.incident <> 0"
		" AND op.state <> 4) THEN 4 ELSE 0 END"
		" FROM event e LEFT JOIN outcome o ON o.seq = e.seq"
		" LEFT JOIN incident i ON i.id = o.incident"
		" WHERE e.seq >= ?1 AND e.seq < ?2",
	[SQL_DEAD_LETTER_OF] = "SELECT 1 FROM op WHERE state = 5 AND kind = 10"
			       " AND events = ? LIMIT 1",
	[SQL_ERASE_PAYLOAD] =
		"UPDATE payload SET body = NULL, trust ="
		" CASE WHEN json_valid(trust)"
		" THEN json_set(json_remove(trust, '$.signature'),"
		" '$.erased', json('true')) END WHERE first = ?",
	[SQL_ERASE_SUBJECTS] = "UPDATE event SET subject = NULL"
			       " WHERE seq >= ? AND seq < ?"
			       " AND subject IS NOT NULL",
	[SQL_ERASE_WORLDS] = "UPDATE outcome SET world = NULL"
			     " WHERE seq >= ? AND seq < ?"
			     " AND world IS NOT NULL",
};
