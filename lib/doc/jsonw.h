#ifndef DOC_JSONW_H
#define DOC_JSONW_H

#include "base/buf.h"

/*
 * Compact JSON, written straight into a buffer. The writer keeps commas;
 * invalid UTF-8 becomes U+FFFD, control characters are escaped, and
 * U+2028/9 and DEL too, so that the text is one safe line anywhere.
 */
struct jsonw {
	struct buf *out;
	unsigned char comma;	/* the next value needs one */
};

#define JSONW(buf) ((struct jsonw){ (buf), 0 })

void jsonw_object(struct jsonw *w);
void jsonw_end_object(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_end_array(struct jsonw *w);
void jsonw_key(struct jsonw *w, const char *key);
void jsonw_key_str(struct jsonw *w, struct str key);

void jsonw_str(struct jsonw *w, struct str s);		/* p == NULL: null */
void jsonw_cstr(struct jsonw *w, const char *s);	/* NULL: null */
void jsonw_int(struct jsonw *w, int64_t v);
void jsonw_double(struct jsonw *w, double v);		/* not finite: null */
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
void jsonw_time(struct jsonw *w, int64_t ms);	/* RFC 3339 with ms; 0: null */
void jsonw_raw(struct jsonw *w, struct str json);	/* already JSON */

/* key and value at once */
void jsonw_kstr(struct jsonw *w, const char *key, struct str s);
void jsonw_kcstr(struct jsonw *w, const char *key, const char *s);
void jsonw_kint(struct jsonw *w, const char *key, int64_t v);
void jsonw_kbool(struct jsonw *w, const char *key, bool v);
void jsonw_ktime(struct jsonw *w, const char *key, int64_t ms);

/* s between quotes, nothing else: for a writer of another form. */
void jsonw_put_quoted(struct buf *out, struct str s);

#endif
