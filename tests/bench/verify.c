/*
 * V, the unit of all figures: CPU microseconds of one RSA-2048/SHA-256
 * verification with a reused key, a prefetched digest and a copied context,
 * over as many bytes as SNS signs for a CloudWatch alarm.
 *
 *	verify COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#define BYTES 1600

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "verify: %s\n", what);
	exit(1);
}

static size_t sign(EVP_PKEY *key, const EVP_MD *md, unsigned char *sig,
		   size_t n, const unsigned char *data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestSignInit(ctx, NULL, md, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, data, BYTES) != 1)
		die("can't sign");
	EVP_MD_CTX_free(ctx);
	return n;
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	EVP_MD_CTX *first = EVP_MD_CTX_new(), *ctx = EVP_MD_CTX_new();
	unsigned char data[BYTES], sig[512];
	size_t n;
	double from;

	if (count < 1)
		die("usage: verify COUNT");
	if (!md || !key || !first || !ctx)
		die("out of memory");
	memset(data, 'x', sizeof(data));
	n = sign(key, md, sig, sizeof(sig), data);
	if (EVP_DigestVerifyInit(first, NULL, md, NULL, key) != 1)
		die("can't verify");
	from = cpu_us();
	for (long i = 0; i < count; i++)
		if (EVP_MD_CTX_copy_ex(ctx, first) != 1 ||
		    EVP_DigestVerify(ctx, sig, n, data, sizeof(data)) != 1)
			die("a good signature fails");
	printf("%.2f\n", (cpu_us() - from) / (double)count);
	EVP_MD_CTX_free(ctx);
	EVP_MD_CTX_free(first);
	EVP_PKEY_free(key);
	EVP_MD_free(md);
	return 0;
}
