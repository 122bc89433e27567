#include "agent/conf_private.h"

#include <stdarg.h>

/* What conf*.c say of a configuration, and where in it. */

static void add_fault(struct conf_walk *w, enum fault_level level,
		      const struct yaml *at, const char *code, const char *fmt,
		      va_list ap) __attribute__((format(printf, 5, 0)));

static void add_fault(struct conf_walk *w, enum fault_level level,
		      const struct yaml *at, const char *code, const char *fmt,
		      va_list ap)
{
	fault_vadd(w->faults, level, code, w->file, at ? at->line : 0,
		   at ? at->column : 0, fmt, ap);
}

void conf_fault(struct conf_walk *w, const struct yaml *at, const char *code,
		const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(w, FAULT_ERROR, at, code, fmt, ap);
	va_end(ap);
}

void conf_missing(struct conf_walk *w, const struct yaml *at, const char *code,
		  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(w, w->look ? FAULT_WARNING : FAULT_ERROR, at, code, fmt, ap);
	va_end(ap);
}

void conf_warn(struct conf_walk *w, const struct yaml *at, const char *code,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_fault(w, FAULT_WARNING, at, code, fmt, ap);
	va_end(ap);
}

const struct yaml *conf_node(const struct yaml *root, ...)
{
	const struct yaml *v = root, *next;
	const char *name;
	va_list ap;

	va_start(ap, root);
	while ((name = va_arg(ap, const char *)) && (next = yaml_get(v, name)))
		v = next;
	va_end(ap);
	return v;
}
