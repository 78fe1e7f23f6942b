/*
 * reach.c: see reach.h. The URL is read more strictly than any client does, so that no two readers
 * can take it for different places.
 */
#include "http/reach.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

#define HOST_MAX 253
#define LABEL_MAX 63

/* ---- the text ---- */

/* Labels of letters, digits and inner hyphens; how many, 0 when it is no such name. */
static int
count_labels(const char *host, size_t len)
{
	int labels = 0;

	if (len == 0 || len > HOST_MAX)
		return 0;
	for (size_t at = 0; at <= len; labels++) {
		size_t end = at;

		while (end < len && (isalnum((unsigned char)host[end]) || host[end] == '-'))
			end++;
		if (end == at || end - at > LABEL_MAX || host[at] == '-' || host[end - 1] == '-' ||
		    (end < len && host[end] != '.'))
			return 0;
		at = end + 1;
	}
	return labels;
}

/* A name whose last label is not numeric: 127.1, 0x7f.1 and 017700000001 are addresses to somebody. */
static bool
is_name(const char *host, size_t len)
{
	size_t last = len;

	if (count_labels(host, len) < 2)
		return false;
	while (last > 0 && host[last - 1] != '.')
		last--;
	return isalpha((unsigned char)host[last]);
}

/* The port behind the host, or the scheme's; 0 when it is none. *end is where it ends. */
static int
read_port(const char *s, int absent, const char **end)
{
	int port = 0;

	*end = s;
	if (*s != ':')
		return absent;
	for (*end = ++s; isdigit((unsigned char)**end) && *end - s < 5; (*end)++)
		port = port * 10 + (**end - '0');
	return port <= 65535 ? port : 0;
}

/* Bytes of a host as anywhere allows it: a name or an address, an IPv6 one in brackets. */
static size_t
loose_host(const char *s)
{
	size_t len = strcspn(s, ":/?");

	if (*s != '[')
		return len;
	len = 1 + strspn(s + 1, "0123456789abcdefABCDEF:.");
	return s[len] == ']' ? len + 1 : 0;
}

/* What lies behind the authority: a path, a query, or nothing. */
static bool
is_rest(const char *s)
{
	if (*s != '\0' && *s != '/' && *s != '?')
		return false;
	for (; *s != '\0'; s++)
		if (!isgraph((unsigned char)*s) || strchr("\"'<>\\^`{|}#", *s) != NULL)
			return false;
	return true;
}

const char *
reach_url(const char *url, bool anywhere)
{
	bool https = strncasecmp(url, "https://", 8) == 0;
	bool http = strncasecmp(url, "http://", 7) == 0;
	const char *host, *rest;
	size_t len;
	int port;

	if (strlen(url) > REACH_URL_MAX)
		return "the URL is too long";
	if (!https && !(http && anywhere))
		return "the URL must begin with https://";
	host = url + (https ? 8 : 7);
	len = strcspn(host, "/?#");
	if (memchr(host, '@', len) != NULL)
		return "the URL must not hold a user name";
	len = anywhere ? loose_host(host) : strcspn(host, ":/?");
	port = read_port(host + len, https ? 443 : 80, &rest);
	if (len == 0 || port == 0 || !is_rest(rest))
		return "the URL is not valid: https://HOST[:PORT][/PATH][?QUERY] without a fragment";
	if (anywhere)
		return NULL;
	if (!is_name(host, len))
		return "the URL's host must be a full host name, not an address";
	if (port != 443 && port != 8443)
		return "the URL's port must be 443 or 8443";
	return NULL;
}

/* ---- the address ---- */

struct range {
	uint8_t prefix[16];
	int bits;
};

/* IANA's special-purpose registry, and multicast. */
static const struct range closed4[] = {
	{ { 0 }, 8 },             /* this network */
	{ { 10 }, 8 },            /* private */
	{ { 100, 64 }, 10 },      /* shared: behind a carrier's NAT */
	{ { 127 }, 8 },           /* loopback */
	{ { 169, 254 }, 16 },     /* link-local, and the clouds' metadata */
	{ { 172, 16 }, 12 },      /* private */
	{ { 192, 0, 0 }, 24 },    /* protocol assignments */
	{ { 192, 0, 2 }, 24 },    /* documentation */
	{ { 192, 88, 99 }, 24 },  /* 6to4 relays */
	{ { 192, 168 }, 16 },     /* private */
	{ { 198, 18 }, 15 },      /* benchmarks */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 },  /* documentation */
	{ { 224 }, 3 },           /* multicast, reserved, broadcast */
};

/* Inside 2000::/3, outside which nothing is public. */
static const struct range closed6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 },       /* Teredo, ORCHID, benchmarks */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 },             /* 6to4: holds any IPv4 address */
	{ { 0x3f, 0xff, 0x00 }, 20 },       /* documentation */
};

static const struct range open6 = { { 0x20 }, 3 };
static const struct range mapped4 = { { [10] = 0xff, [11] = 0xff }, 96 };

static bool
inside(const uint8_t *address, const struct range *r)
{
	int whole = r->bits / 8, rest = r->bits % 8;

	if (memcmp(address, r->prefix, (size_t)whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ r->prefix[whole]) >> (8 - rest) == 0;
}

static bool
inside_any(const uint8_t *address, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (inside(address, &ranges[i]))
			return true;
	return false;
}

static bool
public4(const uint8_t address[4])
{
	return !inside_any(address, closed4, sizeof closed4 / sizeof closed4[0]);
}

static bool
public6(const uint8_t address[16])
{
	if (inside(address, &mapped4))
		return public4(address + 12);
	return inside(address, &open6) &&
	    !inside_any(address, closed6, sizeof closed6 / sizeof closed6[0]);
}

bool
reach_address(const struct sockaddr *address)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (address->sa_family == AF_INET) {
		memcpy(&in4, address, sizeof in4);
		return public4((const uint8_t *)&in4.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof in6);
		return public6(in6.sin6_addr.s6_addr);
	}
	return false;
}
