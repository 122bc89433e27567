#ifndef DOC_FAULT_H
#define DOC_FAULT_H

#include "base/buf.h"

/*
 * Faults of a configuration or rule file: found all in one go, kept in the
 * order found, printed as FILE:LINE:COL: error[CODE]: TEXT.
 */
enum fault_level { FAULT_ERROR, FAULT_WARNING };

struct fault {
	enum fault_level level;
	const char *code;	/* static, like "unknown-key" */
	char *file, *text;	/* owned by the list */
	int line, column;	/* from 1; 0 where there is none */
};

struct faults {
	struct fault *list;
	size_t count;
	size_t errors;		/* lost ones too */
	int lost;		/* faults dropped past FAULTS_MAX or for memory */
};

#define FAULTS_MAX 200

void faults_init(struct faults *f);
void faults_fini(struct faults *f);
void fault_add(struct faults *f, enum fault_level level, const char *code,
	       const char *file, int line, int column, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));
void fault_vadd(struct faults *f, enum fault_level level, const char *code,
		const char *file, int line, int column, const char *fmt,
		va_list ap) __attribute__((format(printf, 7, 0)));

/* One line without its newline. */
void fault_put(struct buf *out, const struct fault *fault);
/* All: text lines, a JSON array of {file,line,column,level,code,text}, or
 * GitHub annotations (::error file=...). */
void faults_put_text(struct buf *out, const struct faults *f);
void faults_put_json(struct buf *out, const struct faults *f);
void faults_put_github(struct buf *out, const struct faults *f);

/*
 * The entry of a NULL-terminated list nearest to word by Damerau-Levenshtein
 * distance, at most 2 (1 up to four letters); NULL where none is near.
 */
const char *fault_nearest(struct str word, const char *const *list);

#endif
