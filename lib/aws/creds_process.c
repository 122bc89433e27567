#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws/creds_source.h"
#include "base/clock.h"

#define ARGS_MAX 64
#define COMMAND_MAX 8192
#define SLICE_MS 100

extern char **environ;

/* One argument from s to room; *s is left behind it. 1, 0 at the end. */
static int cut_argument(struct buf *room, struct str *s)
{
	char quote = '\0';
	size_t i = 0;

	while (i < s->n && strchr(" \t\r\n", s->p[i]))
		i++;
	if (i == s->n)
		return 0;
	for (; i < s->n; i++) {
		char c = s->p[i];

		if (!quote && strchr(" \t\r\n", c))
			break;
		if (c == quote) {
			quote = '\0';
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else if (c == '\\' && quote != '\'') {
			if (++i == s->n)
				return -EINVAL;
			/* Between quotes it stands for itself before others. */
			if (quote && s->p[i] != '"' && s->p[i] != '\\')
				buf_putc(room, '\\');
			buf_putc(room, s->p[i]);
		} else {
			buf_putc(room, c);
		}
	}
	if (quote)
		return -EINVAL;
	buf_putc(room, '\0');
	*s = str_sub(*s, i, s->n - i);
	return 1;
}

int creds_split(char **argv, size_t max, struct buf *room, struct str command,
		struct err *err)
{
	const char *why = NULL;
	size_t n = 0;
	int rc = 1;

	if (command.n > COMMAND_MAX)
		why = "is longer than 8192 bytes";
	else if (command.n && memchr(command.p, '\0', command.n))
		why = "holds a NUL";
	/* Each argument is at most as long as it stands there, and a NUL. */
	else if (!buf_room(room, 2 * command.n + 2))
		return -ENOMEM;
	while (!why) {
		char *at = room->p + room->n;

		rc = cut_argument(room, &command);
		if (rc <= 0)
			break;
		if (n + 1 == max)
			why = "has too many arguments";
		else
			argv[n++] = at;
	}
	if (rc < 0)
		why = "has a quote without its end or a backslash at its end";
	else if (n == 0 && !why)
		why = "is empty";
	if (why) {
		err_set(err, -EINVAL, "the command %s", why);
		return -EINVAL;
	}
	argv[n] = NULL;
	return 0;
}

/* No blocked or ignored signal, a process group of its own. */
static int set_attributes(posix_spawnattr_t *attr)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
		      POSIX_SPAWN_SETPGROUP;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, flags);
	return rc;
}

/* The environment as AWS's own tools pass it, but for StackFlow's secrets. */
static char **environment(void)
{
	char **env;
	size_t n = 0, kept = 0;

	while (environ[n])
		n++;
	env = calloc(n + 1, sizeof(*env));
	for (size_t i = 0; env && i < n; i++)
		if (!str_starts(str_from(environ[i]), "STACKFLOW_"))
			env[kept++] = environ[i];
	return env;
}

/* It gets no descriptor of ours but the pipe. */
static int spawn(pid_t *pid, int out, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char **env;
	int rc;

	if (posix_spawn_file_actions_init(&files))
		return ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	env = environment();
	rc = env ? 0 : ENOMEM;
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null",
						      O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&files, 2, "/dev/null",
						      O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (rc == 0)
		rc = set_attributes(&attr);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &files, &attr, argv, env);
	free(env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static bool over(const struct creds_ask *a, int64_t until_ms)
{
	return a->net->stopping || clock_mono_ms() >= until_ms;
}

/* All it prints up to the end; 1: the time is over or we are stopping. */
static int read_all(struct buf *out, int fd, const struct creds_ask *a,
		    int64_t until_ms)
{
	while (!over(a, until_ms)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char some[4096];
		ssize_t got;

		if (poll(&p, 1, SLICE_MS) <= 0)
			continue;
		got = read(fd, some, sizeof(some));
		if (got > 0)
			buf_put(out, some, (size_t)got);
		explicit_bzero(some, sizeof(some));
		if (got == 0)
			return 0;
		if ((got < 0 && errno != EINTR && errno != EAGAIN) ||
		    buf_error(out))
			return got < 0 ? -errno : buf_error(out);
	}
	return 1;
}

/* Reap it, killed first where it doesn't end by itself. */
static int reap(pid_t pid, bool kill_now, const struct creds_ask *a,
		int64_t until_ms)
{
	int status = 0;
	pid_t got = 0;

	while (!kill_now) {
		got = waitpid(pid, &status, WNOHANG);
		if (got != 0)
			break;
		kill_now = over(a, until_ms);
		poll(NULL, 0, 5);
	}
	if (got == 0) {
		/* Its group; itself where it left that. Not reaped yet, the
		 * number is still its own. */
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		do
			got = waitpid(pid, &status, 0);
		while (got < 0 && errno == EINTR);
		return -ETIMEDOUT;
	}
	return got == pid ? status : 0;
}

static int run(struct buf *out, struct creds_ask *a, char *const *argv,
	       struct err *err)
{
	int64_t until = clock_mono_ms() + a->process_ms;
	int fd[2], rc, status;
	pid_t pid = 0;

	if (pipe2(fd, O_CLOEXEC))
		return err_set(err, -errno, "pipe: %s", strerror(errno));
	rc = spawn(&pid, fd[1], argv);
	close(fd[1]);
	if (rc) {
		close(fd[0]);
		return err_set(err, -rc, "%s can't be started: %s", argv[0],
			       strerror(rc));
	}
	rc = read_all(out, fd[0], a, until);
	close(fd[0]);
	status = reap(pid, rc != 0, a, until);
	if (a->net->stopping)
		return -ECANCELED;
	if (rc == -E2BIG)
		return err_set(err, -EINVAL, "%s printed more than %zu bytes",
			       argv[0], out->max);
	if (rc < 0)
		return err_set(err, rc, "%s: %s", argv[0], strerror(-rc));
	if (rc > 0 || status < 0)
		return err_set(err, -EAGAIN,
			       "%s took longer than %u s and was ended",
			       argv[0], a->process_ms / 1000);
	if (status != 0)
		return err_set(err, -EACCES, "%s ended with %s %d", argv[0],
			       WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status)
						   : WEXITSTATUS(status));
	return 0;
}

int creds_process(struct aws_held **out, struct creds_ask *a,
		  struct str command, const char *where, struct err *err)
{
	struct buf room = BUF_INIT(2 * COMMAND_MAX + 2);
	struct buf text = BUF_INIT(CREDS_ANSWER_MAX);
	struct err why = { "" };
	char *argv[ARGS_MAX];
	int rc;

	if (!a->o->credential_process)
		return err_set(err, -EPERM,
			       "%s: credential_process: running programs is "
			       "not allowed; set aws.credential_process: true "
			       "to allow it",
			       where);
	/* At once: growing would leave copies behind. */
	if (!buf_room(&text, text.max))
		return -ENOMEM;
	rc = creds_split(argv, ARGS_MAX, &room, command, &why);
	if (rc == 0)
		rc = run(&text, a, argv, &why);
	if (rc == 0)
		rc = creds_json(out, buf_str(&text), CREDS_JSON_VERSION, 0, 0,
				&why);
	if (rc && rc != -ECANCELED)
		err_set(err, rc, "%s: credential_process: %s", where, why.text);
	buf_wipe(&text);
	buf_wipe(&room);
	return rc;
}
