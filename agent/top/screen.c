#include "agent/top/screen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define LONGEST_READ 4096

/* The alternate screen, no cursor, pasted text told from typed. */
#define ENTER "\033[?1049h\033[?25l\033[?2004h"
#define LEAVE "\033[?2004l\033[0m\033[?25h\033[?1049l"

struct screen {
	int signals, stop;	/* file descriptors */
	sigset_t old_mask;
	pthread_t watcher;
	bool watching;
	sem_t taken;		/* what the watcher told is dealt with */
	void (*wake)(void *);
	void *arg;
};

/* For a handler, which has nothing else. */
static struct termios before;
static volatile sig_atomic_t entered;

static const int crashes[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))

/* ---- the terminal's ways ---- */

static void put(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

/* Also from a handler: nothing but what POSIX allows there. */
static void leave(void)
{
	if (!entered)
		return;
	entered = 0;
	put(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static int enter(void)
{
	struct termios raw = before;

	raw.c_iflag &= (tcflag_t) ~(IXON | ICRNL | INLCR | IGNCR | ISTRIP);
	raw.c_lflag &= (tcflag_t) ~(ECHO | ICANON | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
		return -errno;
	entered = 1;
	put(ENTER, sizeof(ENTER) - 1);
	return 0;
}

static void crashed(int signal)
{
	leave();
	raise(signal);	/* its handler is the default one again */
}

static void mind_crashes(bool on)
{
	struct sigaction a = { .sa_flags = (int)SA_RESETHAND };

	a.sa_handler = on ? crashed : SIG_DFL;
	sigemptyset(&a.sa_mask);
	for (size_t i = 0; i < CRASHES; i++)
		sigaction(crashes[i], &a, NULL);
}

/* ---- what happens ---- */

/* Tells that there is something, then waits until it was taken. */
static void *watch(void *arg)
{
	struct screen *s = arg;
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = s->stop, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[2].revents)
			return NULL;
		if (!fds[0].revents && !fds[1].revents)
			continue;
		s->wake(s->arg);
		while (sem_wait(&s->taken) && errno == EINTR)
			;
	}
}

static int take_signals(struct screen *s)
{
	struct signalfd_siginfo info;
	int what = 0;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		switch (info.ssi_signo) {
		case SIGWINCH:
			what |= SCREEN_REDRAW;
			break;
		case SIGCONT:	/* the shell may have used it meanwhile */
			if (entered)
				enter();
			what |= SCREEN_REDRAW;
			break;
		case SIGTSTP:
			screen_suspend(s);
			what |= SCREEN_REDRAW;
			break;
		default:
			what |= SCREEN_END;
		}
	return what;
}

static int take_input(struct buf *input)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	char bytes[LONGEST_READ];
	ssize_t n;

	if (poll(&fd, 1, 0) <= 0)
		return 0;
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return SCREEN_END;
	buf_put(input, bytes, (size_t)n);
	return SCREEN_INPUT;
}

int screen_take(struct screen *s, struct buf *input)
{
	int what = take_signals(s) | take_input(input), waiting;

	if (!sem_getvalue(&s->taken, &waiting) && waiting < 1)
		sem_post(&s->taken);
	return what;
}

/* ---- from begin to end ---- */

static int fit(struct err *err)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, -ENOTTY, "needs a terminal, and standard "
			       "%s is none; `tocsin status` and `tocsin "
			       "incidents` print the same once",
			       isatty(STDIN_FILENO) ? "output" : "input");
	if (!term || !*term || strcmp(term, "dumb") == 0)
		return err_set(err, -ENOTTY, "this terminal can't be drawn on: "
			       "TERM is %s; `tocsin status` and `tocsin "
			       "incidents` print the same once",
			       term && *term ? term : "not set");
	if (tcgetattr(STDIN_FILENO, &before))
		return err_set(err, -errno, "the terminal can't be set up: %s",
			       strerror(errno));
	return 0;
}

static int start(struct screen *s)
{
	static const int minded[] = { SIGWINCH, SIGCONT, SIGTSTP, SIGTERM,
				      SIGINT, SIGHUP, SIGQUIT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(minded) / sizeof(minded[0]); i++)
		sigaddset(&set, minded[i]);
	pthread_sigmask(SIG_BLOCK, &set, &s->old_mask);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	s->stop = eventfd(0, EFD_CLOEXEC);
	if (s->signals < 0 || s->stop < 0)
		return -errno;
	if (enter())
		return -errno;
	s->watching = !pthread_create(&s->watcher, NULL, watch, s);
	return s->watching ? 0 : -EAGAIN;
}

int screen_open(struct screen **out, void (*wake)(void *), void *arg,
		struct err *err)
{
	struct screen *s;
	int rc = fit(err);

	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->wake = wake;
	s->arg = arg;
	sem_init(&s->taken, 0, 0);
	mind_crashes(true);
	rc = start(s);
	if (rc) {
		screen_close(s);
		return err_set(err, rc, "the terminal can't be set up: %s",
			       strerror(-rc));
	}
	*out = s;
	return 0;
}

void screen_close(struct screen *s)
{
	const uint64_t one = 1;

	if (!s)
		return;
	if (s->watching) {
		/* Full it isn't, and so it can't fail. */
		if (write(s->stop, &one, sizeof(one)) == sizeof(one)) {
			sem_post(&s->taken);
			pthread_join(s->watcher, NULL);
		}
	}
	leave();
	mind_crashes(false);
	if (s->signals > 0)
		close(s->signals);
	if (s->stop > 0)
		close(s->stop);
	pthread_sigmask(SIG_SETMASK, &s->old_mask, NULL);
	sem_destroy(&s->taken);
	free(s);
}

void screen_size(const struct screen *s, int *rows, int *columns)
{
	struct winsize w;

	(void)s;
	*rows = 24;
	*columns = 80;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col) {
		*rows = w.ws_row;
		*columns = w.ws_col;
	}
}

bool screen_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return false;
}

void screen_write(struct screen *s, struct str bytes)
{
	(void)s;
	put(bytes.p, bytes.n);
}

void screen_suspend(struct screen *s)
{
	(void)s;
	leave();
	/* Of the whole job: a shell waits for what it started. */
	kill(0, SIGSTOP);
	enter();
}
