/* ws.c: see ws.h. */
#include "ws.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY "Sec-WebSocket-Key: "
#define HEAD_MAX 14 /* bytes before those of a message */
#define TEXT_MAX 8192
#define TEXT 1
#define CLOSE 8
#define PING 9
#define PONG 10

/* ---- bytes ---- */

static ssize_t
take(struct ws *w, void *bytes, size_t room)
{
	int n;

	if (w->ssl == NULL)
		return read(w->fd, bytes, room);
	n = SSL_read(w->ssl, bytes, (int)room);
	if (n <= 0 && SSL_get_error(w->ssl, n) == SSL_ERROR_WANT_READ) {
		errno = EAGAIN;
		return -1;
	}
	return n;
}

static void
give(struct ws *w, const void *bytes, size_t len)
{
	ssize_t n;

	if (w->fd < 0)
		return;
	n = w->ssl == NULL ? write(w->fd, bytes, len) : SSL_write(w->ssl, bytes, (int)len);
	if (n == (ssize_t)len)
		return;
	if (n > 0)
		errx(1, "a message was written in part");
	w->jammed++;
}

static void
end(struct ws *w)
{
	if (w->ssl != NULL)
		SSL_free(w->ssl);
	close(w->fd);
	w->ssl = NULL;
	w->fd = -1;
	w->open = false;
}

/* ---- connections ---- */

/* A small message must not wait for the other side's word on the one before. */
static void
hold_nothing_back(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static struct ws *
made(int fd, bool client)
{
	struct ws *w = calloc(1, sizeof *w);

	if (w == NULL)
		err(1, "memory");
	w->fd = fd;
	w->client = client;
	return w;
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof to.sun_path)
		errx(2, "%s: too long", path);
	strcpy(to.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "%s", path);
	return fd;
}

static SSL *
connect_tls(int port, const char *ca_file, int *fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	static SSL_CTX *tls;
	SSL *ssl;

	if (tls == NULL) {
		tls = SSL_CTX_new(TLS_client_method());
		if (SSL_CTX_load_verify_locations(tls, ca_file, NULL) != 1)
			errx(1, "%s: no certificates", ca_file);
	}
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "port %d", port);
	hold_nothing_back(*fd);
	ssl = SSL_new(tls);
	SSL_set_fd(ssl, *fd);
	SSL_set_tlsext_host_name(ssl, "localhost");
	if (SSL_connect(ssl) != 1)
		errx(1, "no TLS with port %d", port);
	return ssl;
}

struct ws *
ws_connect(const char *where, const char *path, const char *headers)
{
	struct ws *w = made(-1, true);
	char request[1024], ca_file[256];
	int port, len;

	if (strncmp(where, "unix:", 5) == 0)
		w->fd = connect_unix(where + 5);
	else if (sscanf(where, "tls:%d:%255s", &port, ca_file) == 2)
		w->ssl = connect_tls(port, ca_file, &w->fd);
	else
		errx(2, "%s: neither unix:PATH nor tls:PORT:CA_FILE", where);
	fcntl(w->fd, F_SETFL, O_NONBLOCK);
	len = snprintf(request, sizeof request,
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n" KEY "c2l4dGVlbiBieXRlcyE5MA==\r\n%s\r\n",
	    path, headers);
	give(w, request, (size_t)len);
	return w;
}

int
ws_listen(int port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1024) != 0)
		err(1, "port %d", port);
	return fd;
}

struct ws *
ws_accept(int fd)
{
	hold_nothing_back(fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return made(fd, false);
}

/* Their request, whose end is known. */
static void
answer(struct ws *w)
{
	unsigned char hash[SHA_DIGEST_LENGTH];
	char *key = strstr(w->in, KEY), text[128], reply[256], sum[64];
	int len;

	if (key == NULL)
		errx(1, "not a handshake: %.60s", w->in);
	key += strlen(KEY);
	len = snprintf(text, sizeof text, "%.*s" GUID, (int)strcspn(key, "\r\n"), key);
	SHA1((unsigned char *)text, (size_t)len, hash);
	EVP_EncodeBlock((unsigned char *)sum, hash, sizeof hash);
	len = snprintf(reply, sizeof reply,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n",
	    sum);
	give(w, reply, (size_t)len);
}

static void
drop(struct ws *w, size_t len)
{
	w->len -= len;
	memmove(w->in, w->in + len, w->len + 1);
}

static void
shake_hands(struct ws *w)
{
	char *last = strstr(w->in, "\r\n\r\n");

	if (last == NULL)
		return;
	if (!w->client)
		answer(w);
	else if (strncmp(w->in, "HTTP/1.1 101 ", 13) != 0)
		errx(1, "refused: %.80s", w->in);
	w->open = true;
	drop(w, (size_t)(last + 4 - w->in));
}

/* ---- messages ---- */

static void
mask(char *bytes, size_t len, const unsigned char key[4])
{
	for (size_t i = 0; i < len; i++)
		bytes[i] ^= (char)key[i & 3];
}

static void
send_frame(struct ws *w, int kind, const char *text, size_t len)
{
	static const unsigned char key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	char frame[HEAD_MAX + TEXT_MAX];
	size_t at = 2;

	if (len >= TEXT_MAX)
		errx(1, "a message is too long to be sent");
	frame[0] = (char)(0x80 | kind);
	frame[1] = (char)((w->client ? 0x80 : 0) | (len < 126 ? (int)len : 126));
	if (len >= 126) {
		frame[at++] = (char)(len >> 8);
		frame[at++] = (char)len;
	}
	if (w->client) {
		memcpy(frame + at, key, sizeof key);
		at += sizeof key;
	}
	memcpy(frame + at, text, len);
	if (w->client)
		mask(frame + at, len, key);
	give(w, frame, at + len);
}

void
ws_say(struct ws *w, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	send_frame(w, TEXT, text, (size_t)len);
}

/* A frame that has come whole: its bytes and what is before them; 0 when it has not. */
static size_t
find_frame(struct ws *w, char **text, size_t *len)
{
	const unsigned char *in = (const unsigned char *)w->in;
	size_t at = 2;
	bool masked;

	if (w->len < 2)
		return 0;
	masked = (in[1] & 0x80) != 0;
	*len = in[1] & 0x7f;
	if (*len == 127 || (in[0] & 0x80) == 0)
		errx(1, "a message is too long, or in fragments");
	if (*len == 126) {
		if (w->len < 4)
			return 0;
		*len = (size_t)in[2] << 8 | in[3];
		at = 4;
	}
	at += masked ? 4 : 0;
	if (at + *len > WS_ROOM)
		errx(1, "a message of %zu bytes is too long", *len);
	if (w->len < at + *len)
		return 0;
	*text = w->in + at;
	if (masked)
		mask(*text, *len, in + at - 4);
	return at;
}

/* Takes the frames that have come; false at a close. */
static bool
take_frames(struct ws *w, void (*message)(void *arg, char *text, size_t len), void *arg)
{
	size_t before, len;
	char *text, kept;
	int kind;

	while ((before = find_frame(w, &text, &len)) != 0) {
		kind = w->in[0] & 0xf;
		kept = text[len];
		text[len] = '\0';
		if (kind == TEXT)
			message(arg, text, len);
		else if (kind == PING)
			send_frame(w, PONG, text, len);
		text[len] = kept;
		if (kind == CLOSE)
			return false;
		drop(w, before + len);
	}
	return true;
}

bool
ws_read(struct ws *w, void (*message)(void *arg, char *text, size_t len), void *arg)
{
	ssize_t n;

	while (w->fd >= 0 && (n = take(w, w->in + w->len, WS_ROOM - w->len)) != -1) {
		if (n == 0) {
			end(w);
			return false;
		}
		w->len += (size_t)n;
		w->in[w->len] = '\0';
		if (!w->open)
			shake_hands(w);
		if (w->open && !take_frames(w, message, arg))
			end(w);
		if (w->ssl == NULL)
			break; /* the rest is told of again */
	}
	if (w->fd >= 0 && errno != EAGAIN && n == -1)
		end(w);
	return w->fd >= 0;
}
