/*
 * Signed deliveries made ahead of time: COUNT requests as SNS sends them,
 * each a CloudWatch alarm's change that no other is, over NAMES alarms with
 * rising times, to standard output; each behind its length in 4 bytes of this
 * machine's order.
 *
 *	sign KEYFILE CERTURL TOPIC COUNT NAMES FIRST
 *
 * FIRST numbers the first change, so that a later call goes on where an
 * earlier one ended.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

static const char message_form[] =
	"{\"AlarmName\":\"svc-%05ld-cpu-high\","
	"\"AlarmDescription\":\"CPU of the payment service. severity: HIGH\","
	"\"AWSAccountId\":\"111122223333\","
	"\"AlarmConfigurationUpdatedTimestamp\":"
	"\"2026-01-01T00:00:00.000+0000\","
	"\"NewStateValue\":\"ALARM\","
	"\"NewStateReason\":\"Threshold Crossed: 3 out of the last 3 "
	"datapoints [97.0 (01/01/26 00:02:00), 96.2 (01/01/26 00:01:00), 98.1 "
	"(01/01/26 00:00:00)] were greater than the threshold (90.0) (minimum "
	"3 datapoints for OK -> ALARM transition).\","
	"\"StateChangeTime\":\"%s.%03ld+0000\","
	"\"Region\":\"US East (N. Virginia)\","
	"\"AlarmArn\":\"arn:aws:cloudwatch:us-east-1:111122223333:alarm:"
	"svc-%05ld-cpu-high\","
	"\"OldStateValue\":\"OK\",\"OKActions\":[\"%s\"],"
	"\"AlarmActions\":[\"%s\"],\"InsufficientDataActions\":[],"
	"\"Trigger\":{\"MetricName\":\"CPUUtilization\","
	"\"Namespace\":\"AWS/RDS\",\"StatisticType\":\"Statistic\","
	"\"Statistic\":\"AVERAGE\",\"Unit\":null,"
	"\"Dimensions\":[{\"value\":\"pay-db-%ld\","
	"\"name\":\"DBInstanceIdentifier\"}],\"Period\":60,"
	"\"EvaluationPeriods\":3,\"DatapointsToAlarm\":3,"
	"\"ComparisonOperator\":\"GreaterThanThreshold\","
	"\"Threshold\":90.0,\"TreatMissingData\":\"missing\","
	"\"EvaluateLowSampleCountPercentile\":\"\"}}";

static void die(const char *what)
{
	fprintf(stderr, "sign: %s\n", what);
	exit(1);
}

static void put_date(char *out, size_t n, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(out, n, "%Y-%m-%dT%H:%M:%S", &tm);
}

/* As a JSON string's inside: the message holds nothing else to escape. */
static void escape(char *out, const char *in)
{
	for (; *in; *out++ = *in++)
		if (*in == '"')
			*out++ = '\\';
	*out = '\0';
}

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (!key)
		die("the key can't be read");
	fclose(f);
	return key;
}

static void sign(char *out, EVP_PKEY *key, const char *text)
{
	unsigned char sig[1024];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof(sig);

	if (!ctx ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text,
			   strlen(text)) != 1)
		die("can't sign");
	EVP_MD_CTX_free(ctx);
	EVP_EncodeBlock((unsigned char *)out, sig, (int)n);
}

static void put_request(EVP_PKEY *key, const char *url, const char *topic,
			long k, long names, int64_t ms)
{
	static char message[8192], escaped[16384], text[16384], body[32768],
		sig[2048], head[2048];
	char date[32], id[48];
	long name = k % names * 7919 % 10000; /* all over 10,000 rules */
	uint32_t n;

	put_date(date, sizeof(date), ms);
	snprintf(id, sizeof(id), "%08lx-bebc-4bec-8bec-%012lx", (long)ms & 0xffffffff, k);
	snprintf(message, sizeof(message), message_form, name, date,
		 (long)(ms % 1000), name, topic, topic, name);
	snprintf(text, sizeof(text),
		 "Message\n%s\nMessageId\n%s\nSubject\nALARM\nTimestamp\n"
		 "%s.%03ldZ\nTopicArn\n%s\nType\nNotification\n",
		 message, id, date, (long)(ms % 1000), topic);
	sign(sig, key, text);
	escape(escaped, message);
	snprintf(body, sizeof(body),
		 "{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"%s\",\n"
		 "  \"TopicArn\" : \"%s\",\n  \"Subject\" : \"ALARM\",\n"
		 "  \"Message\" : \"%s\",\n  \"Timestamp\" : \"%s.%03ldZ\",\n"
		 "  \"SignatureVersion\" : \"2\",\n  \"Signature\" : \"%s\",\n"
		 "  \"SigningCertURL\" : \"%s\",\n  \"UnsubscribeURL\" : "
		 "\"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&"
		 "SubscriptionArn=%s:%s\"\n}",
		 id, topic, escaped, date, (long)(ms % 1000), sig, url, topic,
		 id);
	snprintf(head, sizeof(head),
		 "POST /sns HTTP/1.1\r\nx-amz-sns-message-type: Notification\r\n"
		 "x-amz-sns-message-id: %s\r\nx-amz-sns-topic-arn: %s\r\n"
		 "x-amz-sns-subscription-arn: %s:%s\r\n"
		 "Content-Length: %zu\r\nContent-Type: text/plain; "
		 "charset=UTF-8\r\nHost: localhost\r\nConnection: Keep-Alive\r\n"
		 "User-Agent: Amazon Simple Notification Service Agent\r\n"
		 "Accept-Encoding: gzip,deflate\r\n\r\n",
		 id, topic, topic, id, strlen(body));
	n = (uint32_t)(strlen(head) + strlen(body));
	fwrite(&n, sizeof(n), 1, stdout);
	fputs(head, stdout);
	fputs(body, stdout);
}

int main(int argc, char **argv)
{
	EVP_PKEY *key;
	long count, names, first;
	int64_t ms;

	if (argc != 7)
		die("usage: sign KEYFILE CERTURL TOPIC COUNT NAMES FIRST");
	key = read_key(argv[1]);
	count = strtol(argv[4], NULL, 10);
	names = strtol(argv[5], NULL, 10);
	first = strtol(argv[6], NULL, 10);
	if (names < 1 || names > 10000)
		die("1 to 10,000 alarms");
	/* A second's thousand changes: all lie behind us, none is old. */
	ms = (int64_t)time(NULL) * 1000 - 600000 + first;
	for (long k = 0; k < count; k++)
		put_request(key, argv[2], argv[3], first + k, names, ms + k);
	EVP_PKEY_free(key);
	return fflush(stdout) ? 1 : 0;
}
