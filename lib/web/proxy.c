#include "web/proxy.h"

#include <arpa/inet.h>
#include <errno.h>

/* The third and fourth part of a header: version and command, family. */
enum { AT_COMMAND = 12, AT_FAMILY = 13, AT_LENGTH = 14 };
enum { LOCAL = 0x20, PROXY = 0x21 };
enum { UNSPEC = 0x00, TCP4 = 0x11, TCP6 = 0x21, UNIX_STREAM = 0x31 };
enum { TLV_HEAD = 3, TLV_CRC32C = 0x03, CRC_BYTES = 4 };

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
_Static_assert(sizeof(signature) - 1 == AT_COMMAND, "12 bytes");

static unsigned byte_at(const char *p, size_t i)
{
	return (unsigned char)p[i];
}

static size_t u16_at(const char *p, size_t i)
{
	return byte_at(p, i) << 8 | byte_at(p, i + 1);
}

/* Of the header with its own checksum, four bytes at `own`, taken as zero. */
static uint32_t crc32c(const char *p, size_t n, size_t own)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < n; i++) {
		if (i < own || i >= own + CRC_BYTES)
			crc ^= byte_at(p, i);
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return ~crc;
}

/* What follows the addresses: type, length and value, again and again. */
static int check_tlvs(const char *p, size_t from, size_t n)
{
	size_t size;

	for (; from < n; from += TLV_HEAD + size) {
		size_t value = from + TLV_HEAD;

		if (n - from < TLV_HEAD)
			return -EPROTO;
		size = u16_at(p, from + 1);
		if (size > n - value)
			return -EPROTO;
		if (byte_at(p, from) != TLV_CRC32C)
			continue;
		if (size != CRC_BYTES ||
		    crc32c(p, n, value) != ((uint32_t)u16_at(p, value) << 16 |
					    (uint32_t)u16_at(p, value + 2)))
			return -EPROTO;
	}
	return 0;
}

/* Source and destination come first, then their ports. */
static int read_addresses(struct proxy *out, const char *p, size_t n)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->source;
	struct sockaddr_in *in4 = (struct sockaddr_in *)&out->source;
	const char *at = p + PROXY_FIXED;
	size_t size;

	switch (byte_at(p, AT_FAMILY)) {
	case UNSPEC:
		size = 0;
		break;
	case TCP4:
		size = 4 + 4 + 2 + 2;
		out->family = AF_INET;
		break;
	case TCP6:
		size = 16 + 16 + 2 + 2;
		out->family = AF_INET6;
		break;
	case UNIX_STREAM:
		size = 108 + 108;
		out->family = AF_UNIX;
		break;
	default: /* datagrams don't come this way, the rest is none */
		return -EPROTO;
	}
	if (n - PROXY_FIXED < size)
		return -EPROTO;
	out->source.ss_family = out->family;
	if (out->family == AF_INET) {
		memcpy(&in4->sin_addr, at, 4);
		memcpy(&in4->sin_port, at + 8, 2);
	} else if (out->family == AF_INET6) {
		memcpy(&in6->sin6_addr, at, 16);
		memcpy(&in6->sin6_port, at + 32, 2);
	}
	/* Behind UNSPEC stands what nobody can read. */
	return size ? check_tlvs(p, PROXY_FIXED + size, n) : 0;
}

int proxy_read(struct proxy *out, size_t *want, const char *p, size_t n)
{
	struct proxy said = { .family = AF_UNSPEC };
	size_t all;
	int rc = 0;

	if (memcmp(p, signature, n < AT_COMMAND ? n : AT_COMMAND) != 0)
		return -EPROTO;
	if (n > AT_COMMAND && byte_at(p, AT_COMMAND) != LOCAL &&
	    byte_at(p, AT_COMMAND) != PROXY)
		return -EPROTO;
	*want = PROXY_FIXED;
	if (n < PROXY_FIXED)
		return PROXY_MORE;
	all = PROXY_FIXED + u16_at(p, AT_LENGTH);
	if (all > PROXY_MAX || n > all)
		return -EPROTO;
	*want = all;
	if (n < all)
		return PROXY_MORE;
	/* Of LOCAL, a health check as a rule, all else is to be ignored. */
	if (byte_at(p, AT_COMMAND) == PROXY)
		rc = read_addresses(&said, p, n);
	if (rc == 0)
		*out = said;
	return rc;
}

/* ---- whom to believe it ---- */

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool bit_of(const unsigned char *bytes, unsigned i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

int network_read(struct network *out, struct str text)
{
	struct network net = { .bits = 128 };
	char host[INET6_ADDRSTRLEN];
	struct str address;
	uint64_t bits;
	bool four;

	if (!str_cut(&text, '/', &address) || !address.n ||
	    address.n >= sizeof(host) || memchr(address.p, '\0', address.n))
		return -EINVAL;
	memcpy(host, address.p, address.n);
	host[address.n] = '\0';
	memcpy(net.bytes, mapped, sizeof(mapped));
	four = inet_pton(AF_INET, host, net.bytes + sizeof(mapped)) == 1;
	if (!four && inet_pton(AF_INET6, host, net.bytes) != 1)
		return -EINVAL;
	if (text.p) {
		if (str_to_u64(&bits, text) || bits > (four ? 32 : 128))
			return -EINVAL;
		net.bits = (unsigned)bits + (four ? 96 : 0);
	}
	for (unsigned i = net.bits; i < 128; i++)
		if (bit_of(net.bytes, i))
			return -EINVAL;
	*out = net;
	return 0;
}

bool network_has(const struct network *net, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in4 = (const void *)sa;
	unsigned char bytes[16];

	if (sa->sa_family == AF_INET) {
		memcpy(bytes, mapped, sizeof(mapped));
		memcpy(bytes + sizeof(mapped), &in4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(bytes, &in6->sin6_addr, sizeof(bytes));
	} else {
		return false;
	}
	for (unsigned i = 0; i < net->bits; i++)
		if (bit_of(bytes, i) != bit_of(net->bytes, i))
			return false;
	return true;
}
