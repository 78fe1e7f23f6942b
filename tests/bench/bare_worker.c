/*
 * bare_worker.c: the limit that the benchmarks measure offhook-api against: pre-forked libfcgi
 * workers that do nothing but one statement by libpq and send back what it returned. No routing, no
 * checking, no JSON, no headers of ours.
 *
 *   bare_worker SOCKET PROCESSES CONNINFO STATEMENT_FILE VALUES_FILE
 *
 * VALUES_FILE has a line for each set of parameters, separated by tabs; \N is NULL, and a % at the
 * end of a value is replaced by something unique.
 */
#include <err.h>
#include <fcgiapp.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARAMS_MAX 32
#define BACKLOG 511
#define AGAIN_US 3000

struct set {
	char *values[PARAMS_MAX];
};

static struct set *sets;
static int set_count, params, processes;
static unsigned long served;

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (f == NULL || getdelim(&text, &size, '\0', f) < 0)
		err(1, "%s", path);
	fclose(f);
	return text;
}

static void
read_sets(const char *path)
{
	char *text = read_file(path), *line;

	while ((line = strsep(&text, "\n")) != NULL && *line != '\0') {
		struct set *set;
		char *value;

		sets = realloc(sets, (size_t)(set_count + 1) * sizeof *sets);
		if (sets == NULL)
			err(1, "memory");
		set = &sets[set_count++];
		for (params = 0; (value = strsep(&line, "\t")) != NULL; params++) {
			if (params == PARAMS_MAX)
				errx(1, "too many values in a line");
			set->values[params] = strcmp(value, "\\N") == 0 ? NULL : value;
		}
	}
	if (set_count == 0)
		errx(1, "%s holds no values", path);
}

/* The values of the next set; unique holds those that end with %. */
static void
fill(const struct set *set, const char *values[], char unique[][64], int index)
{
	for (int i = 0; i < params; i++) {
		size_t len = set->values[i] == NULL ? 0 : strlen(set->values[i]);

		values[i] = set->values[i];
		if (len > 0 && values[i][len - 1] == '%') {
			snprintf(unique[i], sizeof unique[i], "%.*s%06d%020lu", (int)len - 1,
			    values[i], index, served);
			values[i] = unique[i];
		}
	}
}

/* Accepting a call does nothing while somebody else holds its customer's credits. */
static bool
said_again(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0 &&
	    strcmp(PQgetvalue(result, 0, 0), "again") == 0;
}

static void
answer(FCGX_Request *request, const PGresult *result)
{
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		FCGX_FPrintF(request->out, "Status: 500 Internal Server Error\r\n\r\n");
		return;
	}
	FCGX_FPrintF(request->out, "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n");
	for (int i = 0; i < PQnfields(result); i++)
		FCGX_PutStr(PQgetvalue(result, 0, i), PQgetlength(result, 0, i), request->out);
}

static void
work(int listener, int index, const char *conninfo, const char *statement)
{
	const char *values[PARAMS_MAX];
	char unique[PARAMS_MAX][64], body[8192];
	PGconn *conn = PQconnectdb(conninfo);
	FCGX_Request request;
	PGresult *result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	PQclear(PQprepare(conn, "s", statement, params, NULL));
	if (PQstatus(conn) != CONNECTION_OK || *PQerrorMessage(conn) != '\0')
		errx(1, "%s", PQerrorMessage(conn));
	FCGX_Init();
	FCGX_InitRequest(&request, listener, 0);
	while (FCGX_Accept_r(&request) == 0) {
		while (FCGX_GetStr(body, sizeof body, request.in) > 0)
			continue;
		/* Its own share of the customers: no two workers wait for the same row. */
		fill(&sets[(served * (unsigned long)processes + (unsigned long)index) %
			 (unsigned long)set_count],
		    values, unique, getpid());
		served++;
		while (
		    said_again(result = PQexecPrepared(conn, "s", params, values, NULL, NULL, 0))) {
			PQclear(result);
			usleep(AGAIN_US);
		}
		answer(&request, result);
		PQclear(result);
		FCGX_Finish_r(&request);
	}
	exit(0);
}

int
main(int argc, char **argv)
{
	char *statement;
	int listener;

	if (argc != 6)
		errx(2, "usage: bare_worker SOCKET PROCESSES CONNINFO STATEMENT_FILE VALUES_FILE");
	statement = read_file(argv[4]);
	read_sets(argv[5]);
	processes = atoi(argv[2]);
	unlink(argv[1]);
	FCGX_Init();
	if ((listener = FCGX_OpenSocket(argv[1], BACKLOG)) < 0)
		err(1, "%s", argv[1]);
	for (int i = 0; i < processes; i++)
		if (fork() == 0)
			work(listener, i, argv[3], statement);
	while (wait(NULL) > 0)
		continue;
	return 0;
}
