#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

void encode_hex(struct buf *out, const void *p, size_t n);	/* lower case */
void encode_base64(struct buf *out, const void *p, size_t n);	/* padded */
/* RFC 4648 alphabet in lower case, no padding. */
void encode_base32(struct buf *out, const void *p, size_t n);
/* Everything but RFC 3986 unreserved becomes %XX. */
void encode_url(struct buf *out, struct str s);

/* Standard alphabet, padding required, no blanks. 0 or -EINVAL. */
int decode_base64(struct buf *out, struct str text);
/* %XX; a bad escape is -EINVAL. `+` stays. */
int decode_url(struct buf *out, struct str text);
int decode_hex(struct buf *out, struct str text);

/* SipHash-2-4 (Aumasson and Bernstein 2012). */
uint64_t hash_sip(const uint8_t key[16], const void *p, size_t n);

/* Is s valid UTF-8 without surrogates and overlong forms (RFC 3629)? */
bool utf8_valid(struct str s);
/* The same but for the case of ASCII's letters, whatever the locale. */
bool ascii_same(struct str a, struct str b);
/* Visible ASCII alone: neither a blank nor a control character. */
bool ascii_visible(struct str s);
/* A name as HTTP has them (RFC 9110 section 5.6.2, a token). */
bool ascii_token(struct str s);
/* At most n bytes of s, not cutting a character. */
struct str utf8_cut(struct str s, size_t n);
/* As much of s as fits into to, with a NUL after it; size is at least 1. */
void utf8_keep(char *to, size_t size, struct str s);
/*
 * s made fit for one line of a log or terminal: C0, DEL, C1, U+2028/9, bidi
 * controls and invalid bytes as \xNN or \u{NNNN}; at most max bytes, the last
 * three of them dots where it was cut.
 */
void utf8_put_safe(struct buf *out, struct str s, size_t max);

#endif
