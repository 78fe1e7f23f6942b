/*
 * pacer.pml: at most N dials in any second at the carrier, whatever becomes of the schedulers.
 *
 * Time goes in ticks. A scheduler takes its next step whenever it likes, or never: being slow, being
 * paused and being cut off are no steps of their own. What a step is and which code it stands for is
 * in README.md. Everything counts down from now (or up, to a bound), so there is no last tick: the
 * search covers runs of any length.
 *
 * -DNO_… takes one guard away; then there must be a run that breaks the promise.
 */
#ifndef H
#define H 2 /* schedulers */
#endif
#ifndef N
#define N 2 /* dials a second; (SECOND + SLACK) / N and / (N - 1) must be whole */
#endif
#ifndef SECOND
#define SECOND 4
#endif
#define WINDOW 1  /* a dial is sent so late at most (PACER_WINDOW_US) */
#define NETWORK 1 /* and so much later it arrives at most */
#define SLACK (WINDOW + NETWORK) /* PACER_SLACK_US */
#ifndef AHEAD
#define AHEAD 2 /* a slot is so long after its claim was asked for at most (PACER_AHEAD_US) */
#endif
#ifndef PENDING
#define PENDING (AHEAD * N / (SECOND + SLACK) + 1) /* granted slots of one scheduler */
#endif
#ifndef PAUSE
#define PAUSE 6 /* a deposed leader's late send comes so long after it was deposed at most */
#endif
#define STALE 2 /* a holder that has been silent for so long is replaced (STALE_S) */

#define INTERVAL ((SECOND + SLACK) / N) /* pacer_interval_us() */
#define CAREFUL_INTERVAL ((SECOND + SLACK) / (N - 1))
#ifdef NO_LAST_WINDOW
#define CAREFUL PAUSE
#else
#define CAREFUL (PAUSE + SECOND + SLACK)
#endif
#define GAP (doubt > 0 -> CAREFUL_INTERVAL : INTERVAL) /* between two slots, now */
#ifdef SHORT_QUIET
#define QUIET (GAP - 1)
#else
#define QUIET GAP /* pacer_care(), of two leaders with one rate */
#endif
#define NOTICE (AHEAD + CAREFUL_INTERVAL)

#define NOBODY H
#define FOR(i, n) for (i : 0 .. (n) - 1)

mtype = { idle, asked, granted };

/* A scheduler: the dialer process, and what it remembers (struct dialer). */
typedef dial {
	byte before; /* until it may be sent */
	byte after;  /* until it may no longer be sent, and one more; 0: there is no such dial */
}
typedef scheduler {
	mtype at = idle;
	bool leads; /* as it believes */
	bool newest; /* its epoch is the database's */
	byte claim;  /* asked, granted: until the window of the slot that it means ends, and one more */
	byte own;    /* until its next slot, by its own clock */
	byte quiet;  /* until it may claim */
	byte barred; /* a late send has taken the place of what ends before */
	bool looked; /* at the clock, and now it writes */
	byte until;  /* looked: until the window of that dial ends, and one more */
	dial d[PENDING];
}
scheduler s[H];

/* The row of the pacer. */
byte holder = NOBODY; /* NOBODY: there was none, or it has laid the lead down */
bool gone;            /* the holder's process is dead */
byte doubt;           /* until nobody who may have been alive at a takeover sends any more */

/* The carrier and the way to it. */
byte way;    /* sent in this tick, to arrive in the next */
byte age[N]; /* of the last N arrivals, at most SECOND */

/* Whom the process table tells apart: 0 is alone on its host, the others share one. */
#define SAME_HOST(a, b) ((a) == (b) || ((a) > 0 && (b) > 0))

byte i, j, k; /* within one step */

/*
 * Safety: everything may be as slow as it likes, and fails as often as it likes.
 * -DPROGRESS: after so many faults whoever is not stopped does at once what it can, and then somebody
 * must dial within the longest time that a takeover needs.
 */
#ifdef PROGRESS
byte faults = PROGRESS;
bool stopped[H];
byte silent; /* since the holder's last sign of life */
byte calm;   /* since the last fault or dial */
#define PATIENCE (STALE + NOTICE + CAREFUL_INTERVAL + AHEAD + WINDOW + 2)
#define RUNS(i) (!stopped[i])
#define FAULTY (faults > 0)
#define FAULT(what) faults--; calm = 0; what
#define DIALED calm = 0
#define MAY_TAKE(i) (KNOWN(i) || silent >= STALE)
#else
#define RUNS(i) true
#define FAULTY true
#define FAULT(what) what
#define DIALED skip
#define MAY_TAKE(i) true
#endif
#define KNOWN(i) (holder == NOBODY || holder == i || (gone && SAME_HOST(holder, i)))

#define LESS(x) x = (x > 0 -> x - 1 : 0)
#define AT_LEAST(x, y) x = ((x) < (y) -> (y) : (x))

inline arrive()
{
#ifndef PROGRESS
	assert(age[N - 1] >= SECOND); /* the promise */
#endif
	for (k : 1 .. N - 1) {
		age[N - k] = age[N - k - 1];
	}
	age[0] = 0;
	DIALED
}

/* The tick may come: but for the bounds of what is promised, nothing holds time up. One who was
 * deposed while it wrote writes within PAUSE, and there is one such at a time. */
#define LATE(i) (s[i].looked && !s[i].newest)
#if H == 3
#define LATES (LATE(0) + LATE(1) + LATE(2))
#else
#define LATES (LATE(0) + LATE(1))
#endif
#ifdef PROGRESS
#define PROMPT(i) (CAN_TAKE(i) || CAN_ASK(i) || BUSY(i) || CAN_LOOK(i, 0) || \
	CAN_LOOK(i, SECOND_DIAL) || CAN_LOOK(i, LAST_DIAL))
#define MAY_TICK (!PROMPT(0) && !PROMPT(1))
#else
#define MAY_TICK (LATES == 0 || (LATES == 1 && doubt > CAREFUL - PAUSE))
#endif

inline tick()
{
	FOR(i, N) {
		age[i] = (age[i] < SECOND -> age[i] + 1 : SECOND);
	}
	do
	:: way > 0 -> way--; arrive()
	:: else -> break
	od;
	LESS(doubt);
#ifdef PROGRESS
	calm++;
	assert(calm <= PATIENCE); /* somebody dials in the end */
	if
	:: holder != NOBODY && s[holder].newest && s[holder].leads && !stopped[holder] -> silent = 0
	:: else -> silent = (silent < STALE -> silent + 1 : STALE)
	fi;
#endif
	FOR(i, H) {
		LESS(s[i].own);
		LESS(s[i].quiet);
		LESS(s[i].barred);
		LESS(s[i].until);
		LESS(s[i].claim);
		FOR(j, PENDING) {
			LESS(s[i].d[j].before);
#ifdef NO_WINDOW
			if
			:: s[i].d[j].after > 1 -> s[i].d[j].after--
			:: else
			fi
#else
			LESS(s[i].d[j].after);
			if
			:: s[i].d[j].after == 0 -> s[i].d[j].before = 0 /* missed */
			:: else
			fi
#endif
		}
	}
	i = 0;
	j = 0;
	k = 0
}

inline forget(i)
{
	s[i].claim = 0;
	s[i].at = idle
}

/* take_lead(), fn.pacer_take(), begin_lead(): at any time, since the database's clock may say anything
 * of the holder's last sign of life. */
inline take(i)
{
	if
	:: KNOWN(i) -> k = 0
	:: else -> k = 1
	fi;
#ifdef NO_INHERITED_DOUBT
	doubt = 0;
#endif
	if
	:: k == 1 -> doubt = CAREFUL
	:: else
	fi;
	FOR(j, H) {
		s[j].newest = (j == i)
	}
	holder = i;
	gone = false;
#ifndef NO_QUIET
	s[i].quiet = QUIET;
#endif
#ifndef NO_NOTICE
	AT_LEAST(s[i].quiet, (doubt + NOTICE > CAREFUL -> doubt + NOTICE - CAREFUL : 0));
#endif
#ifdef NO_CAREFUL
	doubt = 0;
#endif
#ifdef NO_OWN_SLOTS
	s[i].own = 0;
#endif
	if
	:: s[i].leads = true
	:: s[i].leads = false; s[i].quiet = 0 /* the answer was lost */
	fi;
	j = 0;
	k = 0
}

/* claim_next(): the slot is the next of its own, or later: how far away the carrier is may be anything. */
inline ask(i)
{
	select(k : 0 .. AHEAD);
	AT_LEAST(k, s[i].own);
	s[i].claim = k + WINDOW + 1;
	s[i].at = asked;
	k = 0
}

/* fn.dial_claim() in the database. It holds the pacer's row, so no takeover comes in between. */
inline grant(i)
{
	if
#ifdef NO_FENCE
	:: true ->
#else
	:: s[i].newest ->
#endif
		s[i].at = granted
#ifndef NO_FENCE
	:: else -> s[i].leads = false; s[i].quiet = 0; forget(i)
#endif
	fi
}

/* act_on(), start_dial(): not before the slot, which may have begun, and not after its window. */
inline start(i)
{
#ifdef NO_VOID
	AT_LEAST(s[i].claim, 1);
#endif
	if
	:: s[i].claim == 0 /* void: the answer came too late, and the slot is for another */
	:: else ->
		j = 0;
		do
		:: s[i].d[j].after > 0 -> j++
		:: else -> break
		od;
		s[i].d[j].before = (s[i].claim > WINDOW + 1 -> s[i].claim - WINDOW - 1 : 0);
		s[i].d[j].after = s[i].claim;
#ifdef NO_OWN_CLOCK
		s[i].own = 0
#else
		s[i].own = s[i].claim + GAP - WINDOW - 1
#endif
	fi;
	j = 0;
	forget(i)
}

#if PENDING > 3
#error "more dials on their way than the steps below know"
#endif
#define LAST_DIAL (PENDING - 1)
#define SECOND_DIAL (PENDING > 1 -> 1 : 0)
#define FULL(i) (s[i].d[0].after > 0 && s[i].d[SECOND_DIAL].after > 0 && s[i].d[LAST_DIAL].after > 0)
#define EMPTY(i) (s[i].d[0].after == 0 && s[i].d[SECOND_DIAL].after == 0 && s[i].d[LAST_DIAL].after == 0)

/* give_body(): the last look at the clock before the last byte. */
#define MAY_LOOK(i, j) \
	(!s[i].looked && s[i].d[j].after > 0 && s[i].d[j].before == 0 && s[i].d[j].after >= s[i].barred)

inline look(i, p)
{
	s[i].until = s[i].d[p].after;
	s[i].d[p].after = 0;
	s[i].looked = true
}

/* libcurl writes, and the pool looks at the clock again. */
inline put(i)
{
	if
	:: arrive()
	:: way++
	fi;
#ifndef NO_SECOND_LOOK
	if
	:: s[i].until == 0 -> s[i].barred = GAP + 1
	:: else
	fi;
#endif
	s[i].until = 0;
	s[i].looked = false;
	k = 0
}

/* The end of work_dial() after a SIGTERM: the lead is laid down when nothing is to be sent any more. */
inline lay_down(i)
{
	if
	:: s[i].newest -> holder = NOBODY; gone = false
	:: else
	fi;
	s[i].newest = false;
	s[i].leads = false;
	s[i].quiet = 0
}

/* SIGKILL, at any instant; it starts again as another process on the same host. */
inline crash(i)
{
	gone = gone || holder == i;
	s[i].newest = false;
	s[i].leads = false;
	s[i].quiet = 0;
	s[i].own = 0;
	s[i].barred = 0;
	s[i].looked = false;
	s[i].until = 0;
	FOR(j, PENDING) {
		s[i].d[j].before = 0;
		s[i].d[j].after = 0
	}
	forget(i);
	j = 0
}

#ifdef NO_DRAIN
#define DRAINED(i) true
#else
#define DRAINED(i) EMPTY(i)
#endif

#define IDLE(i) (s[i].at == idle && !s[i].looked)
#define CAN_TAKE(i) (RUNS(i) && IDLE(i) && !s[i].leads && MAY_TAKE(i))
#ifdef NO_BOUND
#define NEAR(i) true
#else
#define NEAR(i) (s[i].own <= AHEAD)
#endif
#define CAN_ASK(i) (RUNS(i) && IDLE(i) && s[i].leads && s[i].quiet == 0 && NEAR(i) && !FULL(i))
#define CAN_LOOK(i, j) (RUNS(i) && MAY_LOOK(i, j))
#define BUSY(i) (RUNS(i) && !IDLE(i))

#define STEPS(i) \
	:: atomic { CAN_TAKE(i) -> take(i) } \
	:: atomic { CAN_ASK(i) -> ask(i) } \
	:: atomic { BUSY(i) && s[i].at == asked -> grant(i) } \
	:: atomic { BUSY(i) && s[i].at == granted && !s[i].looked -> start(i) } \
	:: atomic { CAN_LOOK(i, 0) -> look(i, 0) } \
	:: atomic { CAN_LOOK(i, SECOND_DIAL) -> look(i, SECOND_DIAL) } \
	:: atomic { CAN_LOOK(i, LAST_DIAL) -> look(i, LAST_DIAL) } \
	:: atomic { BUSY(i) && s[i].looked -> put(i) } \
	:: atomic { FAULTY && !s[i].looked && s[i].leads -> /* the connection is lost */ \
		FAULT(s[i].leads = false); s[i].quiet = 0; forget(i) } \
	:: atomic { FAULTY && IDLE(i) && s[i].leads && DRAINED(i) -> FAULT(lay_down(i)) } \
	:: atomic { FAULTY && (s[i].leads || s[i].looked || !EMPTY(i)) -> FAULT(crash(i)) }

/* One of them is stopped, for ever or for a while. */
#define STOPS(i) \
	:: atomic { FAULTY && !stopped[0] && !stopped[1] -> FAULT(stopped[i] = true) } \
	:: atomic { stopped[i] -> stopped[i] = false }

init {
	atomic {
		FOR(i, N) {
			age[i] = SECOND
		}
		i = 0
	}
	do
	:: atomic { MAY_TICK -> tick() }
	STEPS(0)
	STEPS(1)
#if H == 3
	STEPS(2)
#endif
#ifdef PROGRESS
	STOPS(0)
	STOPS(1)
#endif
	od
}
