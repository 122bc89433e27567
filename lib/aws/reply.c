#include "aws/reply.h"

#include <errno.h>

#include "base/encode.h"
#include "doc/json.h"
#include "doc/read.h"

#define FAULT_BODY_MAX (64u << 10)
/* A shorter one is made up, and as a word it would blot out the rest. */
#define SECRET_MIN 8

enum class {
	CLASS_UNKNOWN,
	CLASS_THROTTLE,
	CLASS_TRANSIENT,
	CLASS_TIME,
	CLASS_KEYS,
	CLASS_DENIED,
};

/*
 * The classes of botocore's "standard" retry mode, and what else is known to
 * pass or to need a person. Names as they stand after the last '#' or '.'.
 */
static const struct {
	enum class class;
	const char *code;
} codes[] = {
	{ CLASS_THROTTLE, "Throttling" },
	{ CLASS_THROTTLE, "ThrottlingException" },
	{ CLASS_THROTTLE, "ThrottledException" },
	{ CLASS_THROTTLE, "Throttled" },
	{ CLASS_THROTTLE, "RequestThrottled" },
	{ CLASS_THROTTLE, "RequestThrottledException" },
	{ CLASS_THROTTLE, "TooManyRequestsException" },
	{ CLASS_THROTTLE, "RequestLimitExceeded" },
	{ CLASS_THROTTLE, "SlowDown" },
	{ CLASS_THROTTLE, "LimitExceededException" },
	{ CLASS_THROTTLE, "BandwidthLimitExceeded" },
	{ CLASS_THROTTLE, "ProvisionedThroughputExceededException" },
	{ CLASS_THROTTLE, "EC2ThrottledException" },
	{ CLASS_THROTTLE, "TransactionInProgressException" },
	{ CLASS_THROTTLE, "KmsThrottled" },
	{ CLASS_THROTTLE, "KMSThrottling" },
	{ CLASS_THROTTLE, "KMSThrottlingException" },
	{ CLASS_TRANSIENT, "RequestTimeout" },
	{ CLASS_TRANSIENT, "RequestTimeoutException" },
	{ CLASS_TRANSIENT, "PriorRequestNotComplete" },
	{ CLASS_TRANSIENT, "IDPCommunicationError" },
	{ CLASS_TRANSIENT, "InternalError" },
	{ CLASS_TRANSIENT, "InternalFailure" },
	{ CLASS_TRANSIENT, "InternalServiceError" },
	{ CLASS_TRANSIENT, "ServiceUnavailable" },
	{ CLASS_TRANSIENT, "ServiceUnavailableException" },
	{ CLASS_TIME, "RequestTimeTooSkewed" },
	{ CLASS_TIME, "RequestExpired" },
	{ CLASS_TIME, "RequestInTheFuture" },
	{ CLASS_TIME, "InvalidSignatureException" },
	{ CLASS_TIME, "SignatureDoesNotMatch" },
	{ CLASS_KEYS, "ExpiredToken" },
	{ CLASS_KEYS, "ExpiredTokenException" },
	{ CLASS_KEYS, "UnrecognizedClientException" },
	{ CLASS_KEYS, "InvalidClientTokenId" },
	{ CLASS_KEYS, "InvalidAccessKeyId" },
	{ CLASS_KEYS, "InvalidToken" },
	{ CLASS_DENIED, "AccessDenied" },
	{ CLASS_DENIED, "AccessDeniedException" },
	{ CLASS_DENIED, "AuthFailure" },
	{ CLASS_DENIED, "AuthorizationError" },
	{ CLASS_DENIED, "AuthorizationErrorException" },
	{ CLASS_DENIED, "IncompleteSignature" },
	{ CLASS_DENIED, "IncompleteSignatureException" },
	{ CLASS_DENIED, "InvalidSecurity" },
	{ CLASS_DENIED, "KmsAccessDenied" },
	{ CLASS_DENIED, "KMSAccessDenied" },
	{ CLASS_DENIED, "KMSAccessDeniedException" },
	{ CLASS_DENIED, "MissingAuthenticationToken" },
	{ CLASS_DENIED, "MissingAuthenticationTokenException" },
	{ CLASS_DENIED, "NotAuthorized" },
	{ CLASS_DENIED, "OptInRequired" },
	{ CLASS_DENIED, "RegionDisabledException" },
	{ CLASS_DENIED, "UnauthorizedOperation" },
};

/* "AWS.SimpleQueueService.X" is X; "KMS.X" is X as well. */
static struct str last_part(struct str code)
{
	for (size_t i = code.n; i > 0; i--)
		if (code.p[i - 1] == '.')
			return str_sub(code, i, code.n - i);
	return code;
}

static enum class class_of(struct str code) {
	code = last_part(code);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]);
	     i++) if (str_is(code, codes[i].code)) return codes[i]
		.class;
	return CLASS_UNKNOWN;
}

static bool code_ok(struct str s, size_t max)
{
	if (s.n == 0 || s.n >= max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* Keep it where it has the form of a code; what was kept before stays. */
static void keep_code(struct str *out, char room[128], struct str s)
{
	if (out->n || !code_ok(s, 128))
		return;
	memcpy(room, s.p, s.n);
	room[s.n] = '\0';
	*out = (struct str){ room, s.n };
}

/* "com.amazonaws.sqs#QueueDoesNotExist:http://internal.amazon.com/..." */
static struct str bare_code(struct str s)
{
	ssize_t at = str_find_char(s, ':');

	if (at >= 0)
		s = str_sub(s, 0, (size_t)at);
	at = str_find_char(s, '#');
	if (at >= 0)
		s = str_sub(s, (size_t)at + 1, s.n - (size_t)at - 1);
	return str_trim(s);
}

static void put_hidden(struct buf *out, struct str text, struct str secret)
{
	while (secret.n >= SECRET_MIN) {
		ssize_t at = str_find(text, secret);

		if (at < 0)
			break;
		buf_put_str(out, str_sub(text, 0, (size_t)at));
		buf_puts(out, "[hidden]");
		text = str_sub(text, (size_t)at + secret.n,
			       text.n - (size_t)at - secret.n);
	}
	buf_put_str(out, text);
}

/*
 * AWS explains a signature that doesn't match by the whole request, session
 * token included, in the paragraphs after the first.
 */
static void keep_message(struct reply *out, struct str text,
			 const struct aws_keys *keys)
{
	struct buf one = BUF_INIT(2 * FAULT_BODY_MAX);
	struct buf two = BUF_INIT(4 * FAULT_BODY_MAX);
	struct buf safe = BUF_INIT(sizeof(out->message));
	ssize_t end;

	text = str_trim(text);
	end = str_find(text, STR("\n\n"));
	if (end >= 0)
		text = str_trim(str_sub(text, 0, (size_t)end));
	put_hidden(&one, text, keys ? keys->token : STR_NONE);
	put_hidden(&two, buf_str(&one), keys ? keys->secret : STR_NONE);
	if (!buf_error(&one) && !buf_error(&two))
		utf8_put_safe(&safe, buf_str(&two), sizeof(out->message) - 1);
	if (!buf_error(&safe) && safe.n) {
		memcpy(out->message, safe.p, safe.n + 1);
		out->a.message = (struct str){ out->message, safe.n };
	}
	buf_wipe(&one);
	buf_wipe(&two);
	buf_fini(&safe);
}

static void read_fault_json(struct reply *out, struct str body,
			    const struct aws_keys *keys)
{
	static const char *const types[] = { "__type", "code", "Code" };
	static const char *const texts[] = { "message", "Message",
					     "errorMessage" };
	struct json *root;

	if (json_parse(&root, body, 0, NULL))
		return;
	for (size_t i = 0; i < 3; i++) {
		keep_code(&out->a.code, out->code,
			  bare_code(json_get_str(root, types[i])));
		if (!out->a.message.n)
			keep_message(out, json_get_str(root, texts[i]), keys);
	}
	json_free(root);
}

static void read_fault_xml(struct reply *out, struct str body,
			   const struct aws_keys *keys)
{
	struct buf text = BUF_INIT(FAULT_BODY_MAX);

	if (aws_xml_text(&text, body, "Code") > 0)
		keep_code(&out->a.code, out->code, bare_code(buf_str(&text)));
	buf_reset(&text);
	if (aws_xml_text(&text, body, "Message") > 0)
		keep_message(out, buf_str(&text), keys);
	buf_wipe(&text);
}

static void read_fault(struct reply *out, const struct rest_response *r,
		       const struct aws_keys *keys)
{
	struct str query = rest_header(r, "x-amzn-query-error");
	struct str body = str_trim(r->body), field = STR_NONE;

	keep_code(&out->a.code, out->code,
		  bare_code(rest_header(r, "x-amzn-ErrorType")));
	if (query.n && str_cut(&query, ';', &field))
		keep_code(&out->a.query_code, out->query_code, str_trim(field));
	if (body.n > FAULT_BODY_MAX)
		return;
	/* Each protocol's servers answer in the other's form at times. */
	if (str_starts(body, "{"))
		read_fault_json(out, body, keys);
	else if (str_starts(body, "<"))
		read_fault_xml(out, body, keys);
}

static enum aws_outcome judge(struct reply *out, int status)
{
	enum class class = class_of(out->a.code);

	if (class == CLASS_UNKNOWN)
		class = class_of(out->a.query_code);
	if (class == CLASS_THROTTLE || status == 429)
		return AWS_THROTTLED;
	if (class == CLASS_TRANSIENT || status >= 500 || status == 408)
		return AWS_TRANSIENT;
	if (class == CLASS_KEYS) {
		out->cure = REPLY_KEYS;
		return AWS_EXPIRED;
	}
	if (class == CLASS_TIME)
		out->cure = REPLY_TIME;
	if (class == CLASS_TIME || class == CLASS_DENIED)
		return AWS_DENIED;
	/* Without a code it came from a proxy or an endpoint's policy. */
	if (!out->a.code.n && (status == 401 || status == 403))
		return AWS_DENIED;
	return AWS_REFUSED;
}

void reply_set(struct reply *out, enum aws_outcome outcome, const char *fmt,
	       ...)
{
	struct buf text = BUF_INIT(4096);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	out->a.outcome = outcome;
	keep_message(out, buf_str(&text), NULL);
	buf_fini(&text);
}

static void read_success(struct reply *out, bool json, unsigned flags)
{
	struct err err = { "expected an object" };
	struct str body = out->a.body;

	out->a.outcome = AWS_OK;
	out->a.root = &out->root;
	if (!json) {
		if (!str_starts(str_trim(body), "<"))
			reply_set(out, AWS_TRANSIENT,
				  "unreadable answer: expected XML");
		return;
	}
	/* Calls without a result answer with nothing at all. */
	if (str_trim(body).n == 0)
		body = STR("{}");
	if (json_read(&out->root, body, flags, &err) == -ENOMEM)
		reply_set(out, AWS_TRANSIENT, "no memory for the answer");
	else if (json_is(out->root, JSON_OBJECT))
		out->a.json = out->root;
	else
		reply_set(out, AWS_TRANSIENT, "unreadable answer: %s",
			  err.text);
}

void reply_init(struct reply *out)
{
	*out = (struct reply){
		.a.retry_after_ms = -1,
		.a.body = STR(""),
	};
}

void reply_read(struct reply *out, const struct rest_response *r, bool json,
		unsigned json_flags, const struct aws_keys *keys,
		int64_t now_ms)
{
	reply_init(out);
	if (r->outcome != REST_ANSWERED) {
		reply_set(out,
			  r->outcome == REST_NOT_SENT ? AWS_UNREACHABLE
						      : AWS_TRANSIENT,
			  "%s", r->problem);
		return;
	}
	out->a.status = r->status;
	out->a.body = r->body;
	out->a.date_ms = r->date_ms;
	out->a.retry_after_ms = rest_retry_after_ms(r, now_ms);
	if (r->status >= 200 && r->status < 300) {
		read_success(out, json, json_flags);
		return;
	}
	read_fault(out, r, keys);
	out->a.outcome = judge(out, r->status);
	if (out->a.message.n)
		return;
	if (r->status < 400)
		reply_set(out, out->a.outcome,
			  "answered by a redirect (%d), which isn't followed",
			  r->status);
	else
		reply_set(out, out->a.outcome, "answered %d without words",
			  r->status);
}

void reply_close(struct reply *r)
{
	json_free(r->root);
	r->root = NULL;
	r->a.json = NULL;
	r->a.body = STR("");
}
