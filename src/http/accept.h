/* accept.h: what a client's Accept header says of a media type. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

/* How much a client wants it: the q of its element of the header, 1 without one, 0 when it is not named. Ranges
 * are types of their own: accept is to be asked for each. NULL is a header that was not sent. */
double accept_wants(const char *accept, const char *type);

#endif
