/* test_reach.c: tables of places that a customer's URL may lead to, and of those it must not. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "http/reach.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
reached(const char *text)
{
	struct sockaddr_storage s = { 0 };
	struct sockaddr_in *in4 = (struct sockaddr_in *)&s;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&s;

	if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
		s.ss_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		s.ss_family = AF_INET6;
	}
	return reach_address((const struct sockaddr *)&s);
}

static void
closed_addresses(void **state)
{
	/* The first and the last of each range, and what is known to be tried. */
	static const char *const closed[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255",
		"192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.0",
		"192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255",
		"198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
		"::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254",
		"::ffff:0:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
		"2001::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::1",
		"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2002:7f00:1::", "2002:808:808::1",
		"3fff::1", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::1", "5f00::1",
		"fc00::1", "fd00:ec2::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1",
		"febf::1", "fec0::1", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

	(void)state;
	for (size_t i = 0; i < COUNT(closed); i++)
		if (reached(closed[i]))
			fail_msg("%s is reached", closed[i]);
}

static void
open_addresses(void **state)
{
	/* The neighbours of those ranges among them. */
	static const char *const open[] = { "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0",
		"192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0",
		"223.255.255.255", "::ffff:8.8.8.8", "2000::1", "2001:200::1",
		"2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1", "2003::1",
		"2606:4700::1111", "3ffe::1", "3fff:1000::1" };

	(void)state;
	for (size_t i = 0; i < COUNT(open); i++)
		if (!reached(open[i]))
			fail_msg("%s is not reached", open[i]);
}

static void
other_families_are_closed(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/run/x" };

	(void)state;
	assert_false(reach_address((const struct sockaddr *)&local));
}

static void
good_urls(void **state)
{
	static const char *const good[] = { "https://example.com", "https://example.com/",
		"HTTPS://Example.COM/hook?x=1&y=%20", "https://example.com:443/a",
		"https://hooks.a-b.example.com:8443/a/b?c", "https://example.com?x",
		"https://1.2.3.4.example/", "https://xn--bcher-kva.example/",
		"https://example.com/~a/(b);c=d,e!$*" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (reach_url(good[i], false) != NULL)
			fail_msg("%s: %s", good[i], reach_url(good[i], false));
}

static void
bad_urls(void **state)
{
	static const char *const bad[] = { "", "x", "https", "https:", "https://", "https:///x",
		"http://example.com/", "ftp://example.com/", "file:///etc/passwd",
		"gopher://example.com/", "//example.com/", "javascript:alert(1)",
		"https:/example.com/", "https:\\\\example.com\\", "https://example.com\\@a.b/",
		"https://user@example.com/", "https://user:pw@example.com/",
		"https://@example.com/", "https://example.com:80/", "https://example.com:0/",
		"https://example.com:/", "https://example.com:8080/", "https://example.com:65979/",
		"https://example.com:4430/", "https://example.com:443x/",
		"https://example.com:443:1/", "https://localhost/", "https://localhost./",
		"https://intranet/", "https://example.com./", "https://.example.com/",
		"https://a..b/", "https://-a.com/", "https://a-.com/", "https://a_b.com/",
		"https://b\303\274cher.example/", "https://ex ample.com/", "https://example.com/ x",
		"https://example.com/\tx", "https://example.com/\r\nHost: a",
		"https://example.com/\n", "https://example.com/\x7f",
		"https://example.com/\303\274", "https://example.com/#f",
		"https://example.com#@a.b/", "https://example.com/<x>", "https://127.0.0.1/",
		"https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://0x7f000001/",
		"https://0177.0.0.1/", "https://017700000001/", "https://10.0.0.1:8443/",
		"https://8.8.8.8/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
		"https://[fe80::1%25lo]/", "https://%6cocalhost/", "https://example.com%00.a.b/",
		"https://example.com%2f@a.b/" };
	char label[80] = "https://", longest[2100] = "https://example.com/";

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (reach_url(bad[i], false) == NULL)
			fail_msg("%s is taken", bad[i]);
	memset(label + 8, 'a', 64);
	memcpy(label + 72, ".com", 5);
	assert_non_null(reach_url(label, false));
	memset(longest + 20, 'a', REACH_URL_MAX - 20);
	assert_null(reach_url(longest, false));
	longest[REACH_URL_MAX] = 'a';
	assert_non_null(reach_url(longest, false));
}

/* However an address is written that inet_aton() or a URL parser would read. */
static void
no_notation_of_an_address_is_taken(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "10.0.0.1", "169.254.169.254",
		"172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "8.8.8.8" };
	/* Of the bytes, and of the whole. */
	static const char *const bytes[] = { "%u.%u.%u.%u", "0%o.0%o.0%o.0%o", "000%o.%u.%u.0%o",
		"0x%x.0x%x.0x%x.0x%x", "0x%02X.%u.0%o.%u", "%u.%u.%u.%u.", "[%u.%u.%u.%u]",
		"[::ffff:%u.%u.%u.%u]", "[::%u.%u.%u.%u]", "[::ffff:%02x%02x:%02x%02x]",
		"[64:ff9b::%u.%u.%u.%u]", "[2002:%02x%02x:%02x%02x::1]", "%%3%u.%u.%u.%u" };
	static const char *const whole[] = { "%u", "0%o", "0x%x", "0X%08X", "00000000000%o",
		"0x0000000000%x", "%u.", "1%u" };
	static const char *const rest[] = { "", "/", "/latest/meta-data/", ":443/", ":8443/?x" };
	struct in_addr address;
	int tried = 0;
	char host[80], url[160];

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		uint32_t all;

		assert_int_equal(inet_pton(AF_INET, addresses[i], &address), 1);
		all = ntohl(address.s_addr);
		for (size_t j = 0; j < COUNT(bytes) + COUNT(whole); j++) {
			const char *form = j < COUNT(bytes) ? bytes[j] : whole[j - COUNT(bytes)];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			if (j < COUNT(bytes))
				snprintf(host, sizeof host, form, all >> 24, all >> 16 & 255,
				    all >> 8 & 255, all & 255);
			else
				snprintf(host, sizeof host, form, all);
#pragma GCC diagnostic pop
			for (size_t k = 0; k < COUNT(rest); k++) {
				snprintf(url, sizeof url, "https://%s%s", host, rest[k]);
				if (reach_url(url, false) == NULL)
					fail_msg("%s is taken", url);
				tried++;
			}
		}
	}
	assert_true(tried > 1000);
}

static void
anywhere_means_hosts_and_ports_not_nonsense(void **state)
{
	static const char *const good[] = { "http://localhost:9/x", "https://127.0.0.1:12345/",
		"http://10.0.0.1", "https://[::1]:8080/x?y", "https://intranet/" };
	static const char *const bad[] = { "ftp://localhost/", "http://", "http://:80/",
		"http://u@localhost/", "http://localhost:99999/", "http://localhost:0/",
		"http://[::1/", "http://localhost/ x", "http://localhost/#x",
		"http://localhost:8o/" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (reach_url(good[i], true) != NULL)
			fail_msg("%s: %s", good[i], reach_url(good[i], true));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (reach_url(bad[i], true) == NULL)
			fail_msg("%s is taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_addresses),
		cmocka_unit_test(open_addresses),
		cmocka_unit_test(other_families_are_closed),
		cmocka_unit_test(good_urls),
		cmocka_unit_test(bad_urls),
		cmocka_unit_test(no_notation_of_an_address_is_taken),
		cmocka_unit_test(anywhere_means_hosts_and_ports_not_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
