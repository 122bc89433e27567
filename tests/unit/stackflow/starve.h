#ifndef TESTS_UNIT_STACKFLOW_STARVE_H
#define TESTS_UNIT_STACKFLOW_STARVE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * The process's allocations, one of which fails on demand: until_failure is
 * set to which. A sanitizer has its own, so nothing here is there then.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
	__has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static atomic_long until_failure; /* 0: none fails */
static atomic_long blocks;	  /* not freed yet */
static atomic_bool hit;

/* cmocka's would jump out of a call. */
#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x)) {                                                    \
			static const char words[] = "not so: " #x "\n";        \
			if (write(2, words, sizeof(words) - 1) < 0)            \
				_exit(1);                                      \
			abort();                                               \
		}                                                              \
	} while (0)

static bool fails(void)
{
	if (atomic_load(&until_failure) <= 0 ||
	    atomic_fetch_sub(&until_failure, 1) != 1)
		return false;
	atomic_store(&hit, true);
	errno = ENOMEM;
	return true;
}

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add(&blocks, 1);
	return p;
}

void *malloc(size_t n)
{
	return fails() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t count, size_t n)
{
	return fails() ? NULL : counted(__libc_calloc(count, n));
}

void *realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	return p ? __libc_realloc(p, n) : counted(__libc_malloc(n));
}

void free(void *p)
{
	if (p)
		atomic_fetch_sub(&blocks, 1);
	__libc_free(p);
}

/*
 * Go, with the nth allocation failing. What stays of that for good, such as
 * what the C library makes at the first of its errors, doesn't stay again.
 */
__attribute__((unused)) static bool starve_at(long n, bool (*go)(void *arg),
					      void *arg)
{
	long before = 0, stay = 1;
	bool ok = false;

	for (unsigned i = 0; stay > 0 && i < 3; i++) {
		alarm(60);
		before = atomic_load(&blocks);
		atomic_store(&hit, false);
		atomic_store(&until_failure, n);
		ok = go(arg);
		atomic_store(&until_failure, 0);
		stay = atomic_load(&blocks) - before;
	}
	alarm(0);
	if (stay > 0)
		fail_msg("%ld blocks stay where allocation %ld fails", stay,
			 n);
	return ok;
}

/* Not where another malloc stands before this one, valgrind's. */
static bool can_starve(void)
{
	long before = atomic_load(&blocks);
	void *volatile p = malloc(1);
	bool can = atomic_load(&blocks) != before;

	free(p);
	return can;
}

#endif
#endif
