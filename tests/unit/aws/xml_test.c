#include "aws/call.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROLE                                                                   \
	"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/"           \
	"2011-06-15/\">\n  <AssumeRoleResult>\n    <Credentials>\n"            \
	"      <AccessKeyId>ASIATEST</AccessKeyId>\n"                          \
	"      <SessionToken>a&lt;b&amp;&#x2f;&#43;==</SessionToken>\n"        \
	"      <Expiration>2026-11-22T05:00:00Z</Expiration>\n"                \
	"    </Credentials>\n  </AssumeRoleResult>\n</AssumeRoleResponse>\n"

static void has(const char *xml, const char *name, const char *expected)
{
	struct buf out = BUF_INIT(4096);

	buf_puts(&out, "> ");
	assert_int_equal(aws_xml_text(&out, str_from(xml), name), 1);
	assert_string_equal(out.p + 2, expected);
	buf_fini(&out);
}

static void gives(const char *xml, const char *name, int expected)
{
	struct buf out = BUF_INIT(4096);

	buf_puts(&out, "> ");
	assert_int_equal(aws_xml_text(&out, str_from(xml), name), expected);
	assert_string_equal(out.p, "> ");
	buf_fini(&out);
}

static void flat_answers(void **state)
{
	(void)state;
	has(ROLE, "AccessKeyId", "ASIATEST");
	has(ROLE, "SessionToken", "a<b&/+==");
	has(ROLE, "Expiration", "2026-11-22T05:00:00Z");
	gives(ROLE, "SecretAccessKey", 0);
	gives(ROLE, "accesskeyid", 0);
	gives("", "Code", 0);
	gives("no markup at all", "Code", 0);
}

static void forms_of_xml(void **state)
{
	(void)state;
	has("<?xml version='1.0'?><!-- <Code>no</Code> --><E a='>' "
	    "b=\"<Code>\">"
	    "</E>",
	    "E", "");
	has("<a><Code/><Code>2</Code></a>", "Code", "");
	has("<a><Code /><Code>2</Code></a>", "Code", "");
	has("<n:a><n:Code x=\"1\">A<!-- c -->B<![CDATA[<&>]]>C</n:Code ></n:a>",
	    "Code", "AB<&>C");
	has("<a><![CDATA[<Code>1</Code>]]><Code>2</Code></a>", "Code", "2");
	has("<CodeX>1</CodeX><Code\n>2</Code>", "Code", "2");
	has("<Code>&quot;&apos;&#233;&#xe9;&#x1F514;</Code>", "Code",
	    "\"'\xc3\xa9\xc3\xa9\xf0\x9f\x94\x94");
}

static void what_is_refused(void **state)
{
	static const char *const bad[] = {
		"<Code>cut",
		"<Code>cut</Code",
		"<Code>cut</Cod",
		"<Code",
		"<Code a=\"1>x</Code>",
		"<!DOCTYPE a [<!ENTITY x \"y\">]><Code>&x;</Code>",
		"<Code>&x;</Code>",
		"<Code>&amp</Code>",
		"<Code>&;</Code>",
		"<Code>&#0;</Code>",
		"<Code>&#xD800;</Code>",
		"<Code>&#x110000;</Code>",
		"<Code>&#99999999999;</Code>",
		"<Code>&#x;</Code>",
		"<Code>&#-1;</Code>",
		"<Code>\xff</Code>",
		"<Code><b>1</b></Code>",
		"<Code>1</Kode>",
		"<Code><![CDATA[x</Code>",
		"<!-- <Code>1</Code>",
		"<a <Code>1</Code>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		gives(bad[i], "Code", -EINVAL);
}

static void bounded_by_out(void **state)
{
	struct buf out = BUF_INIT(4);

	(void)state;
	assert_int_equal(aws_xml_text(&out, STR("<Code>12345</Code>"), "Code"),
			 -E2BIG);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat_answers),
		cmocka_unit_test(forms_of_xml),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(bounded_by_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
