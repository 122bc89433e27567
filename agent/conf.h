#ifndef AGENT_CONF_H
#define AGENT_CONF_H

#include "base/str.h"
#include "doc/fault.h"
#include "rest/rest.h"
#include "rule/rule.h"
#include "stackflow/stackflow.h"
#include "web/web.h"

/*
 * tocsin.yaml, read and checked: one immutable snapshot, shared by counting
 * references and swapped whole on reload. Strings belong to the snapshot and
 * are NULL where a key is absent without a default. Secrets are wiped when the
 * last reference goes.
 */
#define CONF_DEFAULT_PATH "/etc/tocsin/tocsin.yaml"

struct conf_listener {
	const char *address;	/* "[::]:8443", "127.0.0.1:0"; or */
	const char *socket;	/* the name of a socket that systemd hands over */
	const char *certificate, *key;	/* PEM files; NULL: plain HTTP */
	bool plain;		/* plain HTTP beyond loopback was asked for */
	bool proxy_protocol;	/* its header comes first, from these: */
	const char *const *proxy_from;	/* networks, NULL-ended */
	size_t proxy_from_count;
};

struct conf_webhook {
	const char *path;	/* begins with a slash */
	const char *token;	/* secret, never NULL */
};

struct conf_queue {
	const char *url;	/* https, or http on loopback */
	int64_t wait_ms;	/* of a long poll: 0 to 20 s */
	int64_t visibility_ms;
	unsigned concurrency;	/* pollers, each a thread */
	bool verify;		/* SNS envelopes must be signed */
};

struct conf_cmdb_filter {
	const char *field;	/* as a rule's `where` names it */
	const char *parameter;	/* as StackFlow's query names it */
};

enum conf_log_level {
	CONF_LOG_DEBUG, CONF_LOG_INFO, CONF_LOG_WARNING, CONF_LOG_ERROR,
};
enum conf_log_format {
	CONF_LOG_AUTO, CONF_LOG_JOURNAL, CONF_LOG_LOGFMT, CONF_LOG_JSON,
};

struct conf {
	const char *path;	/* of the file that was read */
	const char *folder;	/* it lies in; relative paths begin here */

	const struct conf_listener *listeners;	/* at least one */
	size_t listener_count;

	struct {
		const char *path;
		const char *const *topics;	/* patterns, NULL-ended */
		size_t topic_count;		/* 0: nothing is accepted */
		bool confirm;
		int64_t max_age_ms;
		int min_signature_version;	/* 1 or 2 */
		const char *user, *password;	/* basic_auth; both or none */
	} sns;

	const struct conf_webhook *webhooks;
	size_t webhook_count;

	const struct conf_queue *queues;
	size_t queue_count;

	struct {
		const char *region, *profile, *endpoint_url;
		/* Secrets; both of the first two or none. */
		const char *access_key_id, *secret_access_key, *session_token;
		bool credential_process;
		int64_t reconcile_ms;	/* 0: off */
		bool reconcile_given;	/* else it is quietly off without the
					   right */
	} aws;

	struct {
		const char *base_url;	/* without a trailing slash */
		struct sf_auth auth;
		unsigned requests_per_second, concurrency;
		unsigned bulk_resolve;	/* so many go at once; 0: never */
		int64_t timeout_ms, settle_ms;
		const char *correlation_field, *jobs_path;
		const char *link;	/* of an incident, for people, with
					   {incident} or {id}; NULL: none */
		const char *changes_ci;	/* parameter that names a CI */
		const struct conf_cmdb_filter *filters;
		size_t filter_count;
		struct {
			int64_t after_ms;
			bool priority[5];	/* [1] to [4] */
			const char *webhook;
			const char *sns;	/* ARN of a topic */
		} fallback;
	} stackflow;

	struct {
		const char *url;	/* sqlite:/absolute/path */
		int64_t retain_ms;
		uint64_t max_size;	/* bytes */
	} store;

	const char *const *rules;	/* files and folders, NULL-ended */
	bool rules_given;		/* false: the default folder, which may
					   be missing */
	const char *install_key;	/* path of its file */

	struct {
		const char *address;	/* "127.0.0.1:9464", "unix:/run/x.sock" */
		const char *token;	/* NULL: no POST over TCP */
		const char *const *hosts;	/* NULL-ended */
	} admin;

	struct web_limits web;

	struct {
		const char *ca_file, *proxy;
		const char *const *connect_to;	/* NULL-ended, may be empty */
	} network;

	int self_alerts;	/* the priority of own incidents; 0: off */

	struct {
		const char *topic;	/* ARN; NULL: none */
		int64_t every_ms;	/* 0: only when asked */
		int64_t within_ms;
	} drill;

	struct {
		enum conf_log_level level;
		enum conf_log_format format;
	} log;
};

/* given (-c FILE), else TOCSIN_CONFIG, else CONF_DEFAULT_PATH. */
const char *conf_path(const char *given);
/* Did somebody name one? Else a missing default file is no fault. */
bool conf_named(const char *given);

/*
 * Read and check conf_path(path). Every fault and warning of the file goes to
 * faults, none of which ever holds a secret's value. One reference is yours.
 * 0; -ENOENT where there is no such file, -EINVAL where it can't be used (at
 * least one error in faults for both), -ENOMEM.
 */
int conf_load(struct conf **out, const char *path,
	      struct faults *faults) MUST_CHECK;
/*
 * The same for tools that only look (check, explain, test, status): a secret
 * that this user or environment can't resolve is a warning, and its key stays
 * NULL, so the result isn't fit for running.
 */
int conf_look(struct conf **out, const char *path,
	      struct faults *faults) MUST_CHECK;
struct conf *conf_ref(struct conf *c);
void conf_free(struct conf *c);		/* drops one reference */

/* How `network:` has all requests sent; borrows from c. */
struct rest_options conf_network(const struct conf *c);

/* Is "HOST:PORT", "unix:PATH" or the host of a URL this machine's own? */
bool conf_loopback(struct str address);

/*
 * Rule files with their texts. sources is ready for ruleset_load(); a name is
 * the file's last part, paths[i] the whole. A file that can't be read stays
 * in the list with text.p == NULL, so that its last good copy can serve.
 */
struct rule_file_list {
	struct rule_source *sources;
	char **paths;
	size_t count;
};

enum rule_file_kind {
	RULE_FILES,	/* in folders *.yaml, without *_test.yaml */
	RULE_TESTS,	/* in folders *_test.yaml */
};

#define RULE_FILE_MAX (1 << 20)		/* bytes of one file */
#define RULE_FILES_MAX 1000		/* files of one list */

/*
 * Append path: a file as it is, of a folder the files of that kind in byte
 * order. Must be regular files or links to such. 0; -ENOENT (no such path:
 * nothing is added and no fault), -EINVAL (added as far as possible, faults
 * say what not), -ENOMEM. A zeroed list is empty.
 */
int rule_files_add(struct rule_file_list *list, const char *path,
		   enum rule_file_kind kind, struct faults *faults) MUST_CHECK;
void rule_files_free(struct rule_file_list *list);

/*
 * The rule files of a configuration. A missing default folder is an empty
 * list, a missing named path a fault. 0, -EINVAL, -ENOMEM; the list is yours
 * to free after each.
 */
int conf_rule_files(struct rule_file_list *out, const struct conf *c,
		    struct faults *faults) MUST_CHECK;

#endif
