/*
 * calls.pml: no call is dialed twice, none is lost, and the ledger balances, whatever dies on the way.
 *
 * One call, from its acceptance to its end: every statement of the database is one step, every message
 * to and from the carrier another. There is no time: a deadline passes whenever it likes. What goes
 * wrong goes wrong at most FAULTS times, so every run ends, and in the end everything must be settled.
 *
 * -DNO_… takes one guard away; then there must be a run that breaks one of the assertions.
 */
#ifndef FAULTS
#define FAULTS 4
#endif
#ifndef DIALS
#define DIALS 3 /* attempts of the call at most */
#endif
#define H 2 /* dialers */
#define NONE DIALS

mtype = { queued, dialing, dial_unknown, in_progress, final }; /* of a call */
mtype = { no_attempt, intent, unknown, live, refused, lost, ended }; /* of an attempt */
mtype = { nothing, granted, posting, accepted, denied, no_answer, missed }; /* a dialer's dial */
mtype = { no_leg, leg, leg_over }; /* at the carrier */

/* The database. */
mtype status = queued;
bool in_queue = true;
byte current = NONE; /* calls.attempt_id */
mtype state[DIALS];
bool bound[DIALS];    /* the attempt has the carrier's sid */
bool hang_up[DIALS];  /* attempts.hangup_at */
bool overdue[DIALS];  /* its deadline has passed */
byte epoch, granted_in[DIALS]; /* of the pacer, and of each attempt */
byte reserved = 1, settled, released; /* postings of the call's credits */

/* The dialers. */
byte leads[H]; /* the epoch that it believes to hold; 0: none */
mtype dial[H * DIALS];

/* The carrier. */
mtype at_carrier[DIALS];
bool news[DIALS]; /* a callback is on its way */
byte accepts;     /* POSTs that it took */

byte dials, faults = FAULTS;
byte x;

#define D(i, a) dial[(i) * DIALS + (a)]

inline end_call(cost)
{
	assert(status != final); /* nothing ends twice */
	status = final;
	if
	:: cost -> settled++
	:: else -> released++
	fi
}

/* fn.attempt_bind() */
inline bind(a)
{
	if
	:: !bound[a] ->
		bound[a] = true;
		state[a] = live;
#ifndef NO_LATE_HANGUP
		hang_up[a] = hang_up[a] || status == final;
#endif
		overdue[a] = false;
		if
		:: current == a && status == dial_unknown -> status = dialing
		:: else
		fi
	:: else
	fi
}

/* fn.dial_result(…, 'unknown') */
inline now_unknown(a)
{
	state[a] = unknown;
	if
	:: status == dialing && current == a -> status = dial_unknown
	:: else
	fi
}

inline back_into_queue()
{
	assert(status != final);
	status = queued;
	in_queue = true
}

/* fn.dial_claim(): pacer, queue and call are looked at under their locks. */
inline claim(i)
{
	if
	:: leads[i] != epoch -> leads[i] = 0
	:: leads[i] == epoch ->
		in_queue = false;
		assert(status != final); /* what is over is not dialed */
		status = dialing;
		current = dials;
		state[dials] = intent;
		granted_in[dials] = epoch;
		if
		:: D(i, dials) = granted
		:: faults > 0 -> faults--; leads[i] = 0 /* its answer is lost: it is not sent */
		fi;
		dials++
	fi
}

/* fn.pacer_take() and begin_lead() */
inline take(i)
{
	epoch++;
	leads[i] = epoch;
#ifndef NO_ORPHANS
	for (x : 0 .. DIALS - 1) {
		if
		:: state[x] == intent && granted_in[x] < epoch ->
#ifdef NO_DOUBT
			state[x] = refused;
			if
			:: current == x && status == dialing -> back_into_queue()
			:: else
			fi
#else
			now_unknown(x)
#endif
		:: else
		fi
	}
#endif
	x = 0
}

/* The carrier gets the POST whole. */
inline post(i, a)
{
	if
	:: accepts++;
		assert(accepts <= 1); /* the promise: no call is dialed twice */
		at_carrier[a] = leg;
		news[a] = true;
		if
		:: D(i, a) = accepted
		:: faults > 0 -> faults--; D(i, a) = no_answer
		fi
	:: faults > 0 -> faults--; D(i, a) = denied
	fi
}

/* fn.dial_result() */
inline report(i, a)
{
	if
	:: D(i, a) == accepted -> bind(a)
#ifdef NO_STATE_GUARD
	:: D(i, a) == no_answer -> now_unknown(a)
#else
	:: D(i, a) == no_answer ->
		if
		:: state[a] == intent || state[a] == unknown -> now_unknown(a)
		:: else /* a callback has told us more already */
		fi
#endif
	:: D(i, a) == denied || D(i, a) == missed ->
		if
		:: state[a] == intent || state[a] == unknown ->
			state[a] = refused;
			if
#ifdef NO_CURRENT_GUARD
			:: true ->
#else
			:: (status == dialing || status == dial_unknown) && current == a ->
#endif
				if
				:: D(i, a) == missed && dials < DIALS -> back_into_queue()
				:: else -> end_call(false)
				fi
#ifndef NO_CURRENT_GUARD
			:: else /* cancelled meanwhile */
#endif
			fi
		:: else
		fi
	fi;
	D(i, a) = nothing
}

/* fn.carrier_news(): by a callback, or because the watcher has asked. */
inline hear(a, over)
{
	bind(a);
	if
	:: over && state[a] == live ->
		state[a] = ended;
		if
		:: current == a && status != final -> end_call(true)
		:: else
		fi
	:: else
	fi;
	if
	:: !over && current == a && status == dialing -> status = in_progress
	:: else
	fi
}

/* fn.watch_due() and what follows: the watcher asks the carrier for every attempt that is not over. */
inline watch(a)
{
	if
	:: at_carrier[a] != no_leg && state[a] != refused -> hear(a, at_carrier[a] == leg_over)
#ifndef NO_ORPHANS
	:: at_carrier[a] == no_leg && state[a] == intent -> now_unknown(a)
#endif
	:: at_carrier[a] == no_leg && state[a] == unknown && overdue[a] ->
		state[a] = lost;
		if
		:: current == a && status != final -> end_call(false)
		:: else
		fi
	:: else
	fi
}

/* fn.watch_failed(): the carrier cannot be asked, and the deadline is over. */
inline give_up(a)
{
#ifndef NO_LATE_HANGUP
	hang_up[a] = true;
#endif
	end_call(false)
}

/* fn.call_cancel() */
inline cancel()
{
	for (x : 0 .. DIALS - 1) {
		hang_up[x] = hang_up[x] || state[x] == intent || state[x] == live || state[x] == unknown
	}
	x = 0;
#ifndef NO_UNWAIT
	in_queue = false;
#endif
	end_call(false)
}

/* How the dialer's process comes to an end with a dial on its hands. */
inline crash(i)
{
	for (x : 0 .. DIALS - 1) {
		D(i, x) = nothing
	}
	x = 0;
	leads[i] = 0
}

#define WATCHED(a) (state[a] == intent || state[a] == unknown || state[a] == live)
/* The watcher finds what it has not heard yet, or what is to be given up. */
#define NEWS(a) ((at_carrier[a] != no_leg && !bound[a]) || (at_carrier[a] == leg_over && state[a] == live) || \
	(at_carrier[a] == no_leg && ((state[a] == intent && ORPHANS_SEEN) || (state[a] == unknown && overdue[a]))))
#ifdef NO_ORPHANS
#define ORPHANS_SEEN false
#else
#define ORPHANS_SEEN true
#endif
#ifdef NO_WATCHER
#define WATCHES(a) false
#else
#define WATCHES(a) (WATCHED(a) && NEWS(a))
#endif

#define DIAL_STEPS(i, a) \
	:: atomic { D(i, a) == granted -> D(i, a) = posting } /* not void: it will be sent */ \
	:: atomic { D(i, a) == granted && faults > 0 -> faults--; D(i, a) = missed } \
	:: atomic { D(i, a) == posting -> post(i, a) } \
	:: atomic { (D(i, a) == accepted || D(i, a) == no_answer || D(i, a) == denied || D(i, a) == missed) -> \
		report(i, a) } \
	AGAIN(i, a)
/* What libcurl would do on a connection that was used before. */
#ifdef NO_FRESH_CONNECTION
#define AGAIN(i, a) :: atomic { D(i, a) == no_answer -> D(i, a) = posting }
#else
#define AGAIN(i, a)
#endif

#define DIALER_STEPS(i) \
	:: atomic { leads[i] == 0 && leads[1 - i] == 0 -> take(i) } \
	:: atomic { leads[i] == 0 && leads[1 - i] != 0 && faults > 0 -> faults--; take(i) } \
	:: atomic { leads[i] != 0 && faults > 0 -> faults--; leads[i] = 0 } \
	:: atomic { leads[i] != 0 && CLAIMABLE && dials < DIALS -> claim(i) } \
	:: atomic { (leads[i] != 0 || BUSY(i)) && faults > 0 -> faults--; crash(i) } \
	DIAL_STEPS(i, 0) \
	DIAL_STEPS(i, 1) \
	DIAL_STEPS(i, 2)
#define BUSY(i) (D(i, 0) != nothing || D(i, 1) != nothing || D(i, 2) != nothing)
#ifdef NO_QUEUE_LOCK
#define CLAIMABLE (status == queued || status == dialing) /* as the line remembers it */
#else
#define CLAIMABLE in_queue
#endif

#define CARRIER_STEPS(a) \
	:: atomic { news[a] -> news[a] = false; hear(a, at_carrier[a] == leg_over) } \
	:: atomic { news[a] && faults > 0 -> faults--; news[a] = false } /* lost; more than once: heard again */ \
	:: atomic { at_carrier[a] == leg && status != final -> at_carrier[a] = leg_over; news[a] = true } \
	:: atomic { at_carrier[a] == leg && hang_up[a] && bound[a] -> at_carrier[a] = leg_over; news[a] = true } \
	:: atomic { WATCHES(a) -> watch(a) } \
	:: atomic { state[a] == unknown && overdue[a] && current == a && status != final && faults > 0 -> \
		faults--; give_up(a) } \
	:: atomic { state[a] == unknown && !overdue[a] && !UNSENT(0, a) && !UNSENT(1, a) -> overdue[a] = true }
/* A dial is sent within its window, or a pause of at most a minute later (pacer.pml); the deadline is
 * two minutes. */
#define UNSENT(i, a) (D(i, a) == granted || D(i, a) == posting)

#define OVER(a) (state[a] != intent && state[a] != unknown && state[a] != live)

init {
	atomic {
		for (x : 0 .. DIALS - 1) {
			state[x] = no_attempt;
			at_carrier[x] = no_leg
		}
		for (x : 0 .. H * DIALS - 1) {
			dial[x] = nothing
		}
		x = 0
	}
	do
	DIALER_STEPS(0)
	DIALER_STEPS(1)
	CARRIER_STEPS(0)
	CARRIER_STEPS(1)
	CARRIER_STEPS(2)
	:: atomic { status != final && faults > 0 -> faults--; cancel() }
	:: else -> break
	od;
	/* Nothing is left to do. */
	assert(status == final && !in_queue);               /* no call is lost */
	assert(settled + released == reserved);             /* the ledger balances */
	assert(OVER(0) && OVER(1) && OVER(2));              /* no attempt is left open */
	assert(at_carrier[0] != leg && at_carrier[1] != leg && at_carrier[2] != leg); /* nobody's telephone rings on */
	/* Who took the credits has been called; who was never called has them back, but for a call that
	 * turned up after it had been given up for lost. */
	assert(settled == 0 || accepts == 1)
}
