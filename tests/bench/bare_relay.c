/*
 * bare_relay.c: the limit beside offhook-voice: the simplest relay with the same library. Each stream that
 * comes has a connection to the model, and every message is passed on as it is, in both directions: no token,
 * no JSON, no marks, no record.
 *
 *   bare_relay SOCKET MODEL_PORT
 */
#include <err.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct message {
	struct message *next;
	size_t len;
	unsigned char room[LWS_PRE], bytes[];
};

/* One side of a conversation; what is to be written to it waits here. */
struct side {
	struct lws *wsi;
	struct side *other;
	struct message *first, **last;
	unsigned char coming[16384]; /* of a message that has not come whole */
	size_t len;
};

static int model_port;

static struct side *
side_new(struct lws *wsi)
{
	struct side *s = calloc(1, sizeof *s);

	if (s == NULL)
		err(1, "memory");
	s->wsi = wsi;
	s->last = &s->first;
	return s;
}

static void
connect_model(struct side *carrier)
{
	struct side *model = side_new(NULL);
	struct lws_client_connect_info info = { .context = lws_get_context(carrier->wsi),
		.vhost = lws_get_vhost(carrier->wsi),
		.address = "127.0.0.1",
		.host = "localhost",
		.path = "/",
		.port = model_port,
		.local_protocol_name = "relay",
		.opaque_user_data = model };

	carrier->other = model;
	model->other = carrier;
	model->wsi = lws_client_connect_via_info(&info);
	if (model->wsi == NULL)
		errx(1, "no model");
}

static void
pass_on(struct side *to, const void *bytes, size_t len)
{
	struct message *m = malloc(sizeof *m + len);

	if (m == NULL)
		err(1, "memory");
	m->next = NULL;
	m->len = len;
	memcpy(m->bytes, bytes, len);
	*to->last = m;
	to->last = &m->next;
	lws_callback_on_writable(to->wsi);
}

static void
collect(struct side *s, const void *bytes, size_t len)
{
	if (len > sizeof s->coming - s->len)
		errx(1, "a message is too long");
	memcpy(s->coming + s->len, bytes, len);
	s->len += len;
	if (!lws_is_final_fragment(s->wsi) || lws_remaining_packet_payload(s->wsi) > 0)
		return;
	pass_on(s->other, s->coming, s->len);
	s->len = 0;
}

static int
write_next(struct side *s)
{
	struct message *m = s->first;
	int written;

	if (m == NULL)
		return 0;
	written = lws_write(s->wsi, m->bytes, m->len, LWS_WRITE_TEXT);
	s->first = m->next;
	if (s->first == NULL)
		s->last = &s->first;
	else
		lws_callback_on_writable(s->wsi);
	free(m);
	return written < 0 ? -1 : 0;
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct side *s = wsi == NULL ? NULL : lws_get_opaque_user_data(wsi);

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		s = side_new(wsi);
		lws_set_opaque_user_data(wsi, s);
		connect_model(s);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		s->wsi = wsi;
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_CLIENT_RECEIVE:
		collect(s, in, len);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_next(s);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		errx(1, "no model: %s", in == NULL ? "" : (char *)in);
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_CLIENT_CLOSED:
		exit(0);
	default:
		return 0;
	}
}

int
main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{ .name = "relay", .callback = callback, .rx_buffer_size = 8192 }, { .name = NULL }
	};
	struct lws_context_creation_info info = { .port = 0,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_UNIX_SOCK | LWS_SERVER_OPTION_DISABLE_IPV6 };
	struct lws_context *context;
	struct rlimit files;

	if (argc != 3)
		errx(2, "usage: bare_relay SOCKET MODEL_PORT");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	lws_set_log_level(LLL_ERR, NULL);
	unlink(argv[1]);
	umask(0);
	info.iface = argv[1];
	model_port = atoi(argv[2]);
	context = lws_create_context(&info);
	if (context == NULL)
		errx(1, "no loop");
	while (lws_service(context, 0) >= 0)
		continue;
	return 0;
}
