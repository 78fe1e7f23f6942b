/*
 * letter.c: see letter.h. GMime puts the parts together and encodes them; the only user of it. The
 * subject we encode ourselves: GMime's encoded words are longer than the 75 characters of RFC 2047, and
 * what looks like an encoded word already it passes on, so that a reader would decode what a stranger
 * has written.
 */
#include "remote/letter.h"

#include <gmime/gmime.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/plain.h"
#include "base/str.h"

#define WORD_BYTES 45      /* of UTF-8 in one encoded word: 60 characters of base64, 72 in all */
#define PLAIN_WORD_MAX 60  /* a longer one cannot be folded, so it is encoded */
#define HEADER_MAX 4096    /* bytes of an encoded subject */
#define MESSAGE_ID_MAX 400 /* a host has at most 253 */
#define HASH_BYTES 16

/* ---- the subject ---- */

/* Whether it can stand as it is. */
static bool
is_plain(const char *s)
{
	size_t word = 0;

	if (strstr(s, "=?") != NULL)
		return false;
	for (; *s != '\0'; s++) {
		word = *s == ' ' ? 0 : word + 1;
		if ((unsigned char)*s >= 0x7f || word > PLAIN_WORD_MAX)
			return false;
	}
	return true;
}

/* Bytes of as many whole characters as fit into one word. */
static size_t
word_size(const char *s)
{
	size_t left = strlen(s), at = 0, size;
	uint32_t code;

	while (at < left && (size = str_utf8_next(s + at, left - at, &code)) > 0 &&
	    at + size <= WORD_BYTES)
		at += size;
	return at;
}

/* Encoded words, one a line, as GMime keeps a raw value: with the line ends. */
static char *
encoded_subject(struct arena *a, const char *s)
{
	char word[4 * ((WORD_BYTES + 2) / 3) + 1], *text;
	struct buf b;

	buf_init(&b, HEADER_MAX);
	for (size_t size; (size = word_size(s)) > 0; s += size) {
		digest_base64(s, size, word);
		buf_printf(&b, " =?UTF-8?B?%s?=\n", word);
	}
	text = arena_strndup(a, b.data, b.len);
	buf_free(&b);
	return text;
}

static void
add_subject(struct arena *a, GMimeObject *message, const char *subject)
{
	const char *clean = plain_text(a, subject, LETTER_SUBJECT_MAX, true);
	GMimeHeaderList *headers = g_mime_object_get_header_list(message);

	while (*clean == ' ')
		clean++;
	if (is_plain(clean)) {
		g_mime_object_append_header(message, "Subject", clean, NULL);
		return;
	}
	g_mime_object_append_header(message, "Subject", "", NULL);
	g_mime_header_set_raw_value(
	    g_mime_header_list_get_header_at(headers, g_mime_header_list_get_count(headers) - 1),
	    encoded_subject(a, clean));
}

/* ---- the parts ---- */

static void
add_part(struct arena *a, GMimeMultipart *parts, const char *subtype, const char *text)
{
	const char *clean = plain_text(a, text, LETTER_PART_MAX, false);
	GMimePart *part = g_mime_part_new_with_type("text", subtype);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(clean, strlen(clean));
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
	    stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	g_mime_multipart_add(parts, GMIME_OBJECT(part));
	g_object_unref(content);
	g_object_unref(stream);
	g_object_unref(part);
}

/* Of the id, so that it stays the same; no line of quoted-printable begins with it or holds "=_". */
static GMimeMultipart *
make_parts(struct arena *a, const struct letter *letter)
{
	GMimeMultipart *parts = g_mime_multipart_new_with_subtype("alternative");
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * HASH_BYTES + 1];

	digest_sha256(letter->message_id, strlen(letter->message_id), hash);
	digest_hex(hash, HASH_BYTES, hex);
	g_mime_multipart_set_boundary(parts, arena_printf(a, "=_%s", hex));
	add_part(a, parts, "plain", letter->text);
	add_part(a, parts, "html", letter->html);
	return parts;
}

/* ---- the whole ---- */

static GMimeObject *
make_message(struct arena *a, const struct letter *letter)
{
	GMimeMessage *message = g_mime_message_new(FALSE);
	GMimeMultipart *parts = make_parts(a, letter);
	char date[CLOCK_ISO_SIZE];

	clock_format_rfc2822(letter->date_s, date);
	g_mime_object_append_header(GMIME_OBJECT(message), "Date", date, NULL);
	g_mime_object_append_header(GMIME_OBJECT(message), "From", letter->from, NULL);
	g_mime_object_append_header(GMIME_OBJECT(message), "To", letter->to, NULL);
	add_subject(a, GMIME_OBJECT(message), letter->subject);
	g_mime_object_append_header(GMIME_OBJECT(message), "Message-ID", letter->message_id, NULL);
	g_mime_object_append_header(
	    GMIME_OBJECT(message), "Auto-Submitted", "auto-generated", NULL);
	g_mime_message_set_mime_part(message, GMIME_OBJECT(parts));
	g_object_unref(parts);
	return GMIME_OBJECT(message);
}

/* <left@right> of printable ASCII. */
static bool
is_message_id(const char *s)
{
	size_t len = strlen(s);
	const char *at = strchr(s, '@');

	if (len < 5 || len > MESSAGE_ID_MAX || s[0] != '<' || s[len - 1] != '>' || at == NULL ||
	    at == s + 1 || at == s + len - 2 || strchr(at + 1, '@') != NULL)
		return false;
	for (size_t i = 1; i < len - 1; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("<>(),;\\\"", s[i]) != NULL)
			return false;
	return true;
}

const char *
letter_render(struct arena *a, const struct letter *letter, size_t *len)
{
	GMimeFormatOptions *options;
	GMimeObject *message;
	GMimeStream *stream;
	GByteArray *bytes;
	const char *text;

	if (!str_mail_address(letter->from) || !str_mail_address(letter->to) ||
	    !is_message_id(letter->message_id) || strlen(letter->text) > LETTER_PART_MAX ||
	    strlen(letter->html) > LETTER_PART_MAX)
		return NULL;
	g_mime_init(); /* counted: only the first one works */
	options = g_mime_format_options_new();
	g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
	message = make_message(a, letter);
	stream = g_mime_stream_mem_new();
	g_mime_object_write_to_stream(message, options, stream);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	*len = bytes->len;
	text = arena_strndup(a, (const char *)bytes->data, bytes->len);
	g_object_unref(stream);
	g_object_unref(message);
	g_mime_format_options_free(options);
	return text;
}

const char *
letter_message_id(struct arena *a, int64_t job_id, const char *recipient, const char *host)
{
	const char *text = arena_printf(a, "%" PRId64 " %s", job_id, recipient);
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * HASH_BYTES + 1];

	digest_sha256(text, strlen(text), hash);
	digest_hex(hash, HASH_BYTES, hex);
	return arena_printf(a, "<job.%" PRId64 ".%s@%s>", job_id, hex, host);
}
