/*
 * reach.h: which places customers' URLs may lead to. Whoever may name a URL that we then ask could
 * otherwise ask our neighbours through us (SSRF): the text is checked when it is given and before
 * it is used, and the address once more when the connection is made, after DNS (http/fetch.h).
 */
#ifndef HTTP_REACH_H
#define HTTP_REACH_H

#include <stdbool.h>
#include <sys/socket.h>

#define REACH_URL_MAX 2083

/*
 * Whether a customer may name this URL. NULL: yes; else a sentence for him. An HTTPS URL of at most
 * REACH_URL_MAX bytes with a host name of at least two labels (no address in any notation), port
 * 443 or 8443, no user part and no fragment. anywhere (webhooks.allow_private_networks) allows
 * http, any host and any port.
 */
const char *reach_url(const char *url, bool anywhere);

/* Whether the address is one of the public Internet: no private, loopback, link-local, shared,
 * reserved, documentation, multicast or tunnel range, and no IPv4 address of such a range inside
 * an IPv6 one. */
bool reach_address(const struct sockaddr *address);

#endif
