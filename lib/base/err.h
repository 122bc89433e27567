#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))

/*
 * One line for a person: what was expected, what was found, what to do.
 * Written once by whoever found the fault; never rewritten on the way up.
 */
struct err {
	char text[1024];
};

/*
 * Write the line (control characters become `?`) and return code, so that a
 * failure is one statement: return err_set(err, -EINVAL, "...").
 * A NULL err is allowed.
 */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
