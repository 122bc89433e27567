#include "agent/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sandbox/ai_cache.h"
#include "agent/sandbox/articles.h"
#include "agent/sandbox/box.h"
#include "agent/sandbox/counts.h"
#include "agent/sandbox/jobs.h"
#include "agent/sandbox/mischief.h"
#include "agent/sandbox/recorder.h"
#include "agent/sandbox/records.h"
#include "agent/sandbox/signer.h"
#include "agent/sandbox/sns.h"
#include "agent/sandbox/tokens.h"
#include "base/clock.h"
#include "doc/jsonw.h"
#include "web/web.h"

#define SEED_MAX (64 << 20)

static bool admit(void *arg)
{
	struct sandbox *s = arg;

	return !box_mischief_refuse(s->mischief);
}

static void handle(const struct wire_request *req, struct wire_reply *reply,
		   void *arg)
{
	struct call c = { .s = arg,
			  .req = req,
			  .reply = reply,
			  .arena = arena_new(64 << 20),
			  .user = BOX_USERS,
			  .start_us = clock_mono_us(),
			  .now_ms = clock_wall_ms() };
	int64_t ahead_ms = box_setting(&c.s->settings, BOX_CLOCK);
	struct str path = req->path;
	bool api = str_starts(path, "/prod/api/");

	if (!c.arena) {
		reply->status = 500;
		return;
	}
	box_jobs_run(c.s->jobs, c.now_ms + ahead_ms);
	if (api) {
		c.now_ms += ahead_ms;
		box_api(&c, str_sub(path, 9, path.n - 9));
	} else {
		box_control(&c);
	}
	/* What is asked of StackFlow, Cognito and SNS, not of the sandbox. */
	if (api || (str_is(path, "/") && str_is(req->method, "POST")))
		box_recorder_add(c.s->recorder, req, reply, c.now_ms,
				 clock_mono_us() - c.start_us);
	arena_free(c.arena);
}

/* A fault that is meant for SNS's listener answers here, as far as lib/web's
 * whole answers go. */
static bool sns_strike(struct sandbox *s, const struct web_request *req,
		       struct web_reply *reply, bool certificate)
{
	struct box_fault f = box_mischief_strike(
		s->mischief, req->method,
		certificate ? STR("/sns/certificate") : STR("/sns/query"),
		false);

	if (f.kind != STRIKE_ERROR && f.kind != STRIKE_ANSWER)
		return false;
	reply->status = f.status;
	reply->body = f.kind == STRIKE_ANSWER ? f.body : STR("on demand\n");
	return true;
}

static void sns_handle(struct web_exchange *x, const struct web_request *req,
		       void *arg)
{
	struct sandbox *s = arg;
	struct web_reply reply = { .status = 404, .body = STR("not found\n") };
	struct buf xml = BUF_INIT(1 << 20);
	bool get = str_is(req->method, "GET");
	bool post = str_is(req->method, "POST");
	bool certificate = req->path.n > 1 &&
			   str_eq(str_sub(req->path, 1, req->path.n - 1),
				  box_signer_name(s->signer));

	if (sns_strike(s, req, &reply, certificate)) {
		;
	} else if (get && certificate) {
		reply.status = 200;
		reply.type = "application/x-pem-file";
		reply.body = box_signer_pem(s->signer);
	} else if ((get || post) && str_is(req->path, "/")) {
		reply.status = box_sns_query(&xml, s->sns,
					     get ? req->query : req->body);
		reply.type = "text/xml";
		reply.body = buf_str(&xml);
	}
	web_answer(x, &reply);
	buf_fini(&xml);
}

/* mkdir -p. */
static int make_folder(const char *path, struct err *err)
{
	struct buf part = BUF_INIT(4096);
	int ret = 0;

	for (const char *p = path; !ret && *p; p++) {
		buf_putc(&part, *p);
		if ((p[1] == '/' || !p[1]) && *p != '/' &&
		    mkdir(part.p, 0700) && errno != EEXIST)
			ret = err_set(err, -errno, "%s: %s", part.p,
				      strerror(errno));
	}
	buf_fini(&part);
	return ret;
}

/* One sandbox a folder; the lock ends with the process. */
static int lock_folder(struct sandbox *s, struct err *err)
{
	struct buf path = BUF_INIT(4096);
	int ret = 0;

	buf_printf(&path, "%s/lock", s->data);
	s->lock_fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB))
		ret = err_set(err, -errno, "%s: %s", s->data,
			      errno == EWOULDBLOCK ? "another sandbox uses it"
						   : strerror(errno));
	buf_fini(&path);
	return ret;
}

static int open_folder(struct sandbox *s, const char *data, struct err *err)
{
	int ret = make_folder(data, err);

	if (ret)
		return ret;
	s->data = realpath(data, NULL);
	if (!s->data)
		return err_set(err, -errno, "%s: %s", data, strerror(errno));
	return lock_folder(s, err);
}

static int seed(struct sandbox *s, const char *path,
		int (*add)(struct box_records *r, struct str text,
			   struct err *err),
		struct err *err)
{
	struct buf text = BUF_INIT(SEED_MAX);
	FILE *f = fopen(path, "re");
	char chunk[16384];
	size_t n;
	int ret;

	if (!f)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(&text, chunk, n);
	fclose(f);
	ret = buf_error(&text) ? err_set(err, -E2BIG, "%s: too large", path)
			       : add(s->records, buf_str(&text), err);
	buf_fini(&text);
	return ret;
}

static int open_parts(struct sandbox *s, const struct sandbox_options *o,
		      struct err *err)
{
	struct buf path = BUF_INIT(4096);
	int ret;

	buf_printf(&path, "%s/sandbox.db", s->data);
	ret = box_records_open(&s->records, path.p, err);
	buf_fini(&path);
	if (!ret)
		ret = box_mischief_new(&s->mischief, 1, err);
	if (!ret)
		ret = box_tokens_new(&s->tokens, s->records, err);
	if (!ret)
		ret = box_signer_new(&s->signer, s->data, err);
	if (!ret)
		ret = box_articles_open(s->records, err);
	if (!ret)
		ret = box_jobs_new(&s->jobs, s->records, err);
	if (!ret)
		ret = box_recorder_new(&s->recorder, &s->settings, o->record,
				       err);
	if (!ret) {
		s->counts = box_counts_new();
		s->cache = box_cache_new();
		ret = s->counts && s->cache ?
			      0 :
			      err_set(err, -ENOMEM, "out of memory");
	}
	if (!ret) {
		struct box_sns_options sns = {
			.settings = &s->settings,
			.records = s->records,
			.signer = s->signer,
			.region = s->region,
			.account = s->account,
			.trust = o->trust,
		};

		ret = box_sns_new(&s->sns, &sns, err);
	}
	return ret;
}

static int configure(struct sandbox *s, const struct sandbox_options *o,
		     struct err *err)
{
	int ret = 0;

	for (size_t i = 0; ret >= 0 && o->settings && o->settings[i]; i++)
		ret = box_settings_set_text(&s->settings,
					    str_from(o->settings[i]), err);
	for (size_t i = 0; ret >= 0 && o->faults && o->faults[i]; i++)
		ret = box_mischief_add_text(s->mischief, str_from(o->faults[i]),
					    err);
	if (ret >= 0)
		ret = o->cis ? seed(s, o->cis, box_cis_seed, err) : 0;
	if (!ret && o->articles)
		ret = seed(s, o->articles, box_articles_seed, err);
	return ret;
}

static int listen_sns(struct sandbox *s, const struct sandbox_options *o,
		      struct err *err)
{
	struct buf cert = BUF_INIT(4096), key = BUF_INIT(4096);
	struct web_listener l = { .address = o->sns_listen,
				  .fd = -1,
				  .handle = sns_handle,
				  .arg = s };
	int ret;

	buf_printf(&cert, "%s/sns.pem", s->data);
	buf_printf(&key, "%s/sns.key", s->data);
	l.certificate = cert.p;
	l.key = key.p;
	ret = web_new(&s->web, &web_limits_default, 1, err);
	if (!ret)
		ret = web_listen(s->web, &l, err);
	if (!ret)
		ret = web_start(s->web, err);
	buf_fini(&cert);
	buf_fini(&key);
	return ret;
}

/* HOST:PORT with the port that was got, and a host that can be called. */
static void put_host(struct buf *out, const char *address, unsigned port)
{
	struct str host = str_from(address);

	for (size_t i = host.n; i > 0; i--)
		if (host.p[i - 1] == ':') {
			host.n = i - 1;
			break;
		}
	if (!host.n || str_is(host, "0.0.0.0") || str_is(host, "[::]"))
		host = STR("127.0.0.1");
	buf_printf(out, "%.*s:%u", STR_ARG(host), port);
}

static void name_urls(struct sandbox *s, const struct sandbox_options *o)
{
	struct buf host = BUF_INIT(256);

	put_host(&host, o->listen, wire_port(s->wire));
	snprintf(s->url, sizeof(s->url), "http://%s", host.p);
	buf_reset(&host);
	put_host(&host, o->sns_listen, web_port(s->web, 0));
	snprintf(s->sns_url, sizeof(s->sns_url), "https://%s", host.p);
	buf_fini(&host);
}

static void put_url(struct jsonw *w, const char *key, const char *base,
		    const char *path)
{
	struct buf url = BUF_INIT(4096);

	buf_printf(&url, "%s%s", base, path);
	jsonw_kstr(w, key, buf_str(&url));
	buf_fini(&url);
}

static void put_description(struct buf *out, const struct sandbox *s)
{
	const struct box_credentials *c = box_tokens_credentials(s->tokens);
	struct jsonw w = JSONW(out);
	struct buf text = BUF_INIT(4096), host = BUF_INIT(4096);

	jsonw_object(&w);
	put_url(&w, "stackflow", s->url, "/prod/api");
	put_url(&w, "sns", s->sns_url, "");
	put_url(&w, "page", s->url, "/");
	put_url(&w, "control", s->url, "/sandbox");
	put_url(&w, "ca_file", s->data, "/ca.pem");
	jsonw_kcstr(&w, "api_key", c->api_key);
	put_url(&w, "exchange_url", s->url, "/prod/api/auth/exchange");
	put_url(&w, "token_url", s->url, "/prod/api/oauth2/token");
	jsonw_kcstr(&w, "client_id", c->client_id);
	jsonw_kcstr(&w, "client_secret", c->client_secret);
	put_url(&w, "cognito_url", s->url, "/");
	jsonw_kcstr(&w, "email", c->email);
	jsonw_kcstr(&w, "password", c->password);
	jsonw_kcstr(&w, "region", s->region);
	jsonw_kcstr(&w, "account", s->account);
	jsonw_kint(&w, "port", wire_port(s->wire));
	jsonw_kint(&w, "sns_port", web_port(s->web, 0));
	buf_printf(&text, "arn:aws:sns:%s:%s:alarms", s->region, s->account);
	jsonw_kstr(&w, "topic", buf_str(&text));
	jsonw_key(&w, "connect_to");
	jsonw_array(&w);
	box_sns_put_host(&host, buf_str(&text));
	buf_printf(&host, ":443:%s", s->sns_url + strlen("https://"));
	jsonw_str(&w, buf_str(&host));
	jsonw_end_array(&w);
	jsonw_kint(&w, "pid", getpid());
	jsonw_end_object(&w);
	buf_putc(out, '\n');
	buf_fini(&text);
	buf_fini(&host);
}

/* For scripts and `tocsin send`; its credentials are for this user only. */
static int write_description(const struct sandbox *s, struct err *err)
{
	struct buf text = BUF_INIT(65536), path = BUF_INIT(4096);
	struct buf temporary = BUF_INIT(4096);
	int fd, ret = 0;

	put_description(&text, s);
	buf_printf(&path, "%s/sandbox.json", s->data);
	buf_printf(&temporary, "%s.new", path.p);
	fd = open(temporary.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n ||
	    rename(temporary.p, path.p))
		ret = err_set(err, -errno, "%s: %s", path.p, strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_wipe(&text);
	buf_fini(&path);
	buf_fini(&temporary);
	return ret;
}

int sandbox_start(struct sandbox **out, const struct sandbox_options *o,
		  struct err *err)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	int ret = 0;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->lock_fd = -1;
	box_settings_init(&s->settings);
	s->region = strdup(o->region);
	s->account = strdup(o->account);
	if (!s->region || !s->account)
		ret = err_set(err, -ENOMEM, "out of memory");
	if (!ret)
		ret = open_folder(s, o->data, err);
	if (!ret)
		ret = open_parts(s, o, err);
	if (!ret)
		ret = configure(s, o, err);
	if (!ret)
		ret = wire_open(&s->wire, o->listen, admit, handle, s, err);
	if (!ret)
		ret = listen_sns(s, o, err);
	if (!ret)
		ret = box_sns_start(s->sns, err);
	if (!ret) {
		name_urls(s, o);
		ret = write_description(s, err);
	}
	if (!ret)
		ret = wire_start(s->wire, err);
	if (ret)
		sandbox_stop(s);
	else
		*out = s;
	return ret;
}

void sandbox_put_ready(struct buf *out, const struct sandbox *s)
{
	buf_printf(out,
		   "sandbox ready stackflow=%s/prod/api sns=%s page=%s/ "
		   "ca=%s/ca.pem\n",
		   s->url, s->sns_url, s->url, s->data);
}

void sandbox_is_ready(struct sandbox *s)
{
	box_recorder_print(s->recorder);
}

void sandbox_stop(struct sandbox *s)
{
	if (!s)
		return;
	wire_stop(s->wire);
	if (s->web)
		web_stop(s->web);
	box_sns_free(s->sns);
	web_free(s->web);
	wire_free(s->wire);
	box_signer_free(s->signer);
	box_counts_free(s->counts);
	box_recorder_free(s->recorder);
	box_cache_free(s->cache);
	box_jobs_free(s->jobs);
	box_tokens_free(s->tokens);
	box_mischief_free(s->mischief);
	box_records_close(s->records);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->data);
	free(s->region);
	free(s->account);
	free(s);
}

void sandbox_put_default_data(struct buf *out)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		buf_printf(out, "%s/tocsin-sandbox", state);
	else if (home && *home == '/')
		buf_printf(out, "%s/.local/state/tocsin-sandbox", home);
	else
		buf_printf(out, "/tmp/tocsin-sandbox-%u", (unsigned)getuid());
}
