#include "agent/conf_private.h"

/* Every key of tocsin.yaml: its kind, where it goes, range and default. */

#define AT(field) .offset = offsetof(struct conf, field)
#define RANGE(least, most, standard)                                           \
	.min = (least), .max = (most), .number = (standard)

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TIB (INT64_C(1) << 40)

static const char *const none[] = { NULL };
static const char *const hosts[] = { "localhost", NULL };
static const char *const priorities[] = { "", "P1", "P2", "P3", "P4", NULL };
static const char *const alerts[] = { "off", "P1", "P2", "P3", "P4", NULL };
static const char *const methods[] = {
	[SF_AUTH_API_KEY] = "api_key",
	[SF_AUTH_CLIENT_CREDENTIALS] = "client_credentials",
	[SF_AUTH_PASSWORD] = "password",
	[SF_AUTH_TOKEN] = "token",
	NULL,
};
static const char *const levels[] = {
	[CONF_LOG_DEBUG] = "debug",
	[CONF_LOG_INFO] = "info",
	[CONF_LOG_WARNING] = "warning",
	[CONF_LOG_ERROR] = "error",
	NULL,
};
static const char *const formats[] = {
	[CONF_LOG_AUTO] = "auto",
	[CONF_LOG_JOURNAL] = "journal",
	[CONF_LOG_LOGFMT] = "logfmt",
	[CONF_LOG_JSON] = "json",
	NULL,
};

#define LISTENER(field) .offset = offsetof(struct conf_listener, field)
static const struct conf_key tls[] = {
	{ "certificate", KIND_PATH, LISTENER(certificate), .required = true },
	{ "key", KIND_PATH, LISTENER(key), .required = true },
	{ .name = NULL },
};
static const struct conf_key listener[] = {
	{ "address", KIND_TEXT, LISTENER(address) },
	{ "socket", KIND_TEXT, LISTENER(socket) },
	{ "tls", KIND_MAP, .keys = tls },
	{ "plain", KIND_BOOL, LISTENER(plain) },
	{ "proxy_protocol", KIND_BOOL, LISTENER(proxy_protocol) },
	{ "proxy_from", KIND_TEXTS, LISTENER(proxy_from), .list = none,
	  .count = offsetof(struct conf_listener, proxy_from_count) },
	{ .name = NULL },
};

#define WEBHOOK(field) .offset = offsetof(struct conf_webhook, field)
static const struct conf_key webhook[] = {
	{ "path", KIND_TEXT, WEBHOOK(path), .required = true },
	{ "token", KIND_TEXT, WEBHOOK(token), .required = true },
	{ .name = NULL },
};

#define QUEUE(field) .offset = offsetof(struct conf_queue, field)
static const struct conf_key queue[] = {
	{ "queue_url", KIND_TEXT, QUEUE(url), .required = true },
	{ "wait", KIND_SPAN, QUEUE(wait_ms),
	  RANGE(0, 20 * SECOND, 20 * SECOND) },
	{ "visibility", KIND_SPAN, QUEUE(visibility_ms),
	  RANGE(5 * SECOND, 12 * HOUR, 60 * SECOND) },
	{ "concurrency", KIND_INT, QUEUE(concurrency), RANGE(1, 64, 2) },
	{ "verify", KIND_BOOL, QUEUE(verify), .number = true },
	{ .name = NULL },
};

static const struct conf_key basic_auth[] = {
	{ "user", KIND_TEXT, AT(sns.user), .required = true },
	{ "password", KIND_TEXT, AT(sns.password), .required = true },
	{ .name = NULL },
};
static const struct conf_key sns[] = {
	{ "path", KIND_TEXT, AT(sns.path), .text = "/sns" },
	{ "topics", KIND_TEXTS, AT(sns.topics), .list = none,
	  .count = offsetof(struct conf, sns.topic_count) },
	{ "confirm", KIND_BOOL, AT(sns.confirm), .number = true },
	{ "max_age", KIND_SPAN, AT(sns.max_age_ms),
	  RANGE(SECOND, 3650 * DAY, 75 * MINUTE) },
	{ "min_signature_version", KIND_INT, AT(sns.min_signature_version),
	  RANGE(1, 2, 1) },
	{ "basic_auth", KIND_MAP, .keys = basic_auth },
	{ .name = NULL },
};

static const struct conf_key aws[] = {
	{ "region", KIND_TEXT, AT(aws.region) },
	{ "profile", KIND_TEXT, AT(aws.profile) },
	{ "endpoint_url", KIND_URL, AT(aws.endpoint_url) },
	{ "credential_process", KIND_BOOL, AT(aws.credential_process) },
	{ "access_key_id", KIND_TEXT, AT(aws.access_key_id) },
	{ "secret_access_key", KIND_TEXT, AT(aws.secret_access_key) },
	{ "session_token", KIND_TEXT, AT(aws.session_token) },
	/* Not given: conf_aws.c. */
	{ "reconcile", KIND_SPAN_OFF, AT(aws.reconcile_ms),
	  RANGE(SECOND, DAY, -1) },
	{ .name = NULL },
};

static const struct conf_key auth[] = {
	{ "method", KIND_CHOICE, AT(stackflow.auth.method), .list = methods,
	  .required = true },
	{ "api_key", KIND_TEXT, AT(stackflow.auth.api_key) },
	{ "exchange_url", KIND_URL, AT(stackflow.auth.exchange_url) },
	{ "token_url", KIND_URL, AT(stackflow.auth.token_url) },
	{ "client_id", KIND_TEXT, AT(stackflow.auth.client_id) },
	{ "client_secret", KIND_TEXT, AT(stackflow.auth.client_secret) },
	{ "scope", KIND_TEXT, AT(stackflow.auth.scope) },
	{ "region", KIND_TEXT, AT(stackflow.auth.region) },
	{ "email", KIND_TEXT, AT(stackflow.auth.email) },
	{ "password", KIND_TEXT, AT(stackflow.auth.password) },
	{ "endpoint_url", KIND_URL, AT(stackflow.auth.endpoint_url) },
	{ "token", KIND_TEXT, AT(stackflow.auth.token) },
	{ .name = NULL },
};
static const struct conf_key cmdb[] = {
	{ "filters", KIND_PAIRS, AT(stackflow.filters),
	  .count = offsetof(struct conf, stackflow.filter_count) },
	{ .name = NULL },
};
static const struct conf_key changes[] = {
	{ "ci", KIND_TEXT, AT(stackflow.changes_ci), .text = "ci_id" },
	{ .name = NULL },
};
static const struct conf_key fallback[] = {
	{ "after", KIND_SPAN, AT(stackflow.fallback.after_ms),
	  RANGE(10, 7 * DAY, 5 * MINUTE) },
	{ "priority", KIND_CHOICES, AT(stackflow.fallback.priority),
	  .list = priorities, .number = 1 << 1 | 1 << 2 },
	{ "webhook", KIND_URL, AT(stackflow.fallback.webhook) },
	{ "sns", KIND_TEXT, AT(stackflow.fallback.sns) },
	{ .name = NULL },
};
static const struct conf_key stackflow[] = {
	{ "base_url", KIND_URL, AT(stackflow.base_url) },
	{ "auth", KIND_MAP, .keys = auth },
	{ "requests_per_second", KIND_INT, AT(stackflow.requests_per_second),
	  RANGE(1, 100000, 80) },
	{ "concurrency", KIND_INT, AT(stackflow.concurrency),
	  RANGE(1, 1000, 32) },
	{ "bulk_resolve", KIND_INT, AT(stackflow.bulk_resolve),
	  RANGE(0, 100, 0) },
	{ "timeout", KIND_SPAN, AT(stackflow.timeout_ms),
	  RANGE(100, 10 * MINUTE, 15 * SECOND) },
	{ "settle", KIND_SPAN, AT(stackflow.settle_ms),
	  RANGE(10, HOUR, 30 * SECOND) },
	{ "correlation_field", KIND_TEXT, AT(stackflow.correlation_field) },
	{ "jobs_path", KIND_TEXT, AT(stackflow.jobs_path) },
	{ "link", KIND_TEXT, AT(stackflow.link) },
	{ "cmdb", KIND_MAP, .keys = cmdb },
	{ "changes", KIND_MAP, .keys = changes },
	{ "fallback", KIND_MAP, .keys = fallback },
	{ .name = NULL },
};

static const struct conf_key store[] = {
	{ "url", KIND_TEXT, AT(store.url),
	  .text = "sqlite:/var/lib/tocsin/tocsin.db" },
	{ "retain", KIND_SPAN, AT(store.retain_ms),
	  RANGE(SECOND, 3650 * DAY, 30 * DAY) },
	{ "max_size", KIND_SIZE, AT(store.max_size),
	  RANGE(256 * KIB, 1024 * TIB, 4 * GIB) },
	{ .name = NULL },
};

static const struct conf_key admin[] = {
	{ "address", KIND_TEXT, AT(admin.address), .text = "127.0.0.1:9464" },
	{ "token", KIND_TEXT, AT(admin.token) },
	{ "hosts", KIND_TEXTS, AT(admin.hosts), .list = hosts },
	{ .name = NULL },
};

static const struct conf_key web[] = {
	{ "connections", KIND_INT, AT(web.connections),
	  RANGE(1, 1000000, 4096) },
	{ "per_address", KIND_INT, AT(web.per_address), RANGE(0, 1000000, 0) },
	{ "header_bytes", KIND_SIZE_T, AT(web.header_bytes),
	  RANGE(KIB, MIB, 16 * KIB) },
	{ "header_count", KIND_INT, AT(web.header_count), RANGE(4, 1000, 64) },
	{ "body", KIND_SIZE_T, AT(web.body), RANGE(KIB, 64 * MIB, 2 * MIB) },
	{ "handshake", KIND_SPAN_INT, AT(web.handshake_ms),
	  RANGE(10, HOUR, 5 * SECOND) },
	{ "headers", KIND_SPAN_INT, AT(web.headers_ms),
	  RANGE(10, HOUR, 5 * SECOND) },
	{ "body_within", KIND_SPAN_INT, AT(web.body_ms),
	  RANGE(10, HOUR, 10 * SECOND) },
	{ "idle", KIND_SPAN_INT, AT(web.idle_ms), RANGE(10, DAY, 60 * SECOND) },
	{ .name = NULL },
};

static const struct conf_key network[] = {
	{ "ca_file", KIND_PATH, AT(network.ca_file) },
	{ "proxy", KIND_TEXT, AT(network.proxy) },
	{ "connect_to", KIND_TEXTS, AT(network.connect_to), .list = none },
	{ .name = NULL },
};

static const struct conf_key logging[] = {
	{ "level", KIND_CHOICE, AT(log.level), .list = levels,
	  .number = CONF_LOG_INFO },
	{ "format", KIND_CHOICE, AT(log.format), .list = formats,
	  .number = CONF_LOG_AUTO },
	{ .name = NULL },
};

static const struct conf_key drill[] = {
	{ "topic", KIND_TEXT, AT(drill.topic), .required = true },
	{ "every", KIND_SPAN_OFF, AT(drill.every_ms),
	  RANGE(SECOND, 30 * DAY, HOUR) },
	{ "within", KIND_SPAN, AT(drill.within_ms),
	  RANGE(SECOND, DAY, 2 * MINUTE) },
	{ .name = NULL },
};

const struct conf_key conf_keys[] = {
	{ "listen", KIND_MAPS, AT(listeners), .keys = listener,
	  .count = offsetof(struct conf, listener_count),
	  .item = sizeof(struct conf_listener) },
	{ "sns", KIND_MAP, .keys = sns },
	{ "sqs", KIND_MAPS, AT(queues), .keys = queue,
	  .count = offsetof(struct conf, queue_count),
	  .item = sizeof(struct conf_queue) },
	{ "webhooks", KIND_MAPS, AT(webhooks), .keys = webhook,
	  .count = offsetof(struct conf, webhook_count),
	  .item = sizeof(struct conf_webhook) },
	{ "aws", KIND_MAP, .keys = aws },
	{ "stackflow", KIND_MAP, .keys = stackflow },
	{ "store", KIND_MAP, .keys = store },
	{ "rules", KIND_PATHS, AT(rules), .list = none },
	{ "install_key", KIND_PATH, AT(install_key) },
	{ "admin", KIND_MAP, .keys = admin },
	{ "web", KIND_MAP, .keys = web },
	{ "network", KIND_MAP, .keys = network },
	{ "self_alerts", KIND_CHOICE, AT(self_alerts), .list = alerts,
	  .number = 0 },
	{ "drill", KIND_MAP, .keys = drill },
	{ "log", KIND_MAP, .keys = logging },
	{ .name = NULL },
};
