noinst_LIBRARIES += src/auth/libauth.a
src_auth_libauth_a_CPPFLAGS = $(AM_CPPFLAGS) $(JWT_CFLAGS) $(JANSSON_CFLAGS)
src_auth_libauth_a_SOURCES = \
	src/auth/signature.c \
	src/auth/signature.h \
	src/auth/token.c \
	src/auth/token.h \
	src/auth/who.c \
	src/auth/who.h
