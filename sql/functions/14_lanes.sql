-- Waiting: into the queue or for a time, out of both, and what holds a waiting call back.

-- Puts a call that has just been inserted where it waits, with its first event: a 'scheduled' one (it has
-- starts_at) in the schedule, a 'queued' one (it has a queue_no of call_queue_no) in its lane of the queue.
CREATE FUNCTION fn.call_wait(c calls) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data)
        VALUES (c.call_id, 1, c.workspace_id, 'status_change',
            json_build_object('status', c.status, 'previous', NULL));
    IF c.status = 'scheduled' THEN
        INSERT INTO call_schedule (starts_at, call_id, workspace_id, rank)
            VALUES (c.starts_at, c.call_id, c.workspace_id, c.queue_rank);
    ELSE
        INSERT INTO call_queue (queue_no, workspace_id, call_id, rank, lane)
            VALUES (c.queue_no, c.workspace_id, c.call_id, c.queue_rank, c.queue_lane);
    END IF;
    IF c.not_after IS NOT NULL THEN
        INSERT INTO call_expiry (expires_at, call_id, workspace_id)
            VALUES (c.not_after, c.call_id, c.workspace_id);
    END IF;
END $$;

-- Takes a call, whose row the caller holds locked, from where it waits; nothing when it does not.
CREATE FUNCTION fn.call_unwait(c calls) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.status IN ('queued', 'scheduled') AND NOT fn.queue_leave(c.queue_no) THEN
        DELETE FROM call_schedule WHERE starts_at = c.starts_at AND call_id = c.call_id;
    END IF;
END $$;

-- Lays a queued call, whose row the caller holds locked, aside until a time: still queued, it leaves no row
-- in its lane that somebody would have to walk past.
CREATE FUNCTION fn.call_sleep(c calls, p_until timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fn.queue_leave(c.queue_no);
    UPDATE calls SET starts_at = p_until WHERE call_id = c.call_id;
    INSERT INTO call_schedule (starts_at, call_id, workspace_id, rank, queue_no)
        VALUES (p_until, c.call_id, c.workspace_id, c.queue_rank, c.queue_no);
END $$;

-- Brings calls whose time has come into the queue, p_limit timed ones and p_limit others at most; how many,
-- and when the next is due. Never reads before p_from: there lie the dead rows of those that were woken.
CREATE FUNCTION fn.calls_wake(p_from timestamptz, p_limit integer, OUT woken integer,
    OUT next_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_due record;
BEGIN
    woken := 0;
    FOR v_due IN
        (SELECT * FROM call_schedule WHERE rank <= 1 AND starts_at > p_from AND starts_at <= v_now
            ORDER BY starts_at LIMIT p_limit)
        UNION ALL
        (SELECT * FROM call_schedule WHERE rank > 1 AND starts_at > p_from AND starts_at <= v_now
            ORDER BY starts_at LIMIT p_limit) LOOP
        IF fn.call_wake(v_due.call_id, v_due.starts_at) THEN
            woken := woken + 1;
        END IF;
    END LOOP;
    SELECT min(starts_at) INTO next_at FROM call_schedule WHERE starts_at > v_now;
END $$;

-- One of them. False when somebody else holds it or was quicker.
CREATE FUNCTION fn.call_wake(p_call text, p_starts_at timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    DELETE FROM call_schedule WHERE starts_at = p_starts_at AND call_id = p_call;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF c.status = 'scheduled' THEN
        c.queue_no := nextval('call_queue_no');
        UPDATE calls SET queue_no = c.queue_no WHERE call_id = p_call;
        PERFORM fn.call_move(p_call, 'queued');
        INSERT INTO call_queue (queue_no, workspace_id, call_id, rank, lane)
            VALUES (c.queue_no, c.workspace_id, p_call, c.queue_rank, c.queue_lane);
    ELSE -- it slept; not_before tells the dialer of a number that it has passed
        INSERT INTO call_queue (queue_no, workspace_id, call_id, rank, lane, not_before)
            VALUES (c.queue_no, c.workspace_id, p_call, c.queue_rank, c.queue_lane,
                clock_timestamp());
        PERFORM nextval('queue_returned');
    END IF;
    RETURN true;
END $$;

-- How much later than the distance between two slots two dials may be meant to lie, so that the carrier
-- never sees them closer: a dial is sent up to 40 ms after its slot.
CREATE FUNCTION fn.dial_slack() RETURNS interval
LANGUAGE sql IMMUTABLE AS $$ SELECT interval '60 ms' $$;

CREATE FUNCTION fn.lane_in_flight(p_lane text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM calls WHERE queue_lane = p_lane AND queue_lane NOT IN ('', 'single')
        AND status IN ('dialing', 'dial_unknown', 'in_progress')
$$;

-- The instant before which no single call of this workspace may have its slot, or NULL: when the last N
-- dials of the minute before are N. Dials that never left do not count.
CREATE FUNCTION fn.single_until(p_workspace text) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_setting jsonb := fn.setting(p_workspace, 'calls.single_calls_per_minute');
    v_rate integer := 30;
BEGIN
    IF jsonb_typeof(v_setting) = 'number' THEN
        v_rate := greatest(1, least(6000, trunc(v_setting::numeric)));
    END IF;
    RETURN (SELECT a.slot_at + interval '60 s' + fn.dial_slack() FROM attempts a
        WHERE a.workspace_id = p_workspace AND a.lane = 'single'
            AND a.slot_at > clock_timestamp() - interval '70 s'
            AND a.answer IS DISTINCT FROM 'missed' AND a.answer IS DISTINCT FROM 'not_sent'
        ORDER BY a.slot_at DESC OFFSET v_rate - 1 LIMIT 1);
END $$;

-- Why a waiting call may not be dialed with a slot at that instant: the one place that decides it, for the
-- dialer's claim and for whoever asks. reason NULL: it may. until: when to ask again; NULL when nobody
-- knows. scope says what waits with it: the 'call' alone, its 'lane', or all calls of its 'customer'.
--   stopped          somebody has stopped dialing, for all or for the workspace
--   not_before       it came back from the carrier, and is tried again later
--   paused, cancelled  its campaign is
--   spacing          the campaign's distance between two dials
--   campaign_at_cap  as many calls of the campaign are in flight as may be
--   single_rate      as many single calls were dialed in the last minute as may be
--   customer_at_cap  as many calls of the workspace are in flight as may be
--   do_not_call, destination_denied, trial_limit, no_zone, no_window, outside_window  as fn.number_gate says
--   number_busy      a dial to the same number is not yet known to have arrived
-- The counts of calls in flight are upper bounds that the dialer remembers, or NULL; they are counted only
-- where they reach a cap. weight and spacing_s are what a grant needs to know.
CREATE FUNCTION fn.dial_holds(q call_queue, c calls, p_slot timestamptz, p_default_cap integer,
    INOUT in_flight bigint DEFAULT NULL, INOUT lane_in_flight bigint DEFAULT NULL,
    OUT reason text, OUT until timestamptz, OUT scope text, OUT weight integer,
    OUT spacing_s integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    v_cap integer;
    v_gate record;
BEGIN
    scope := 'call';
    SELECT coalesce(w.max_concurrent, p_default_cap), w.weight INTO v_cap, weight
        FROM workspaces w WHERE w.workspace_id = c.workspace_id;
    IF EXISTS (SELECT FROM dialing_stops s WHERE s.workspace_id IN ('', c.workspace_id)) THEN
        reason := 'stopped';
        scope := 'customer';
        RETURN;
    END IF;
    IF q.not_before > p_slot THEN
        reason := 'not_before';
        until := q.not_before;
        RETURN;
    END IF;
    IF q.lane <> '' THEN
        SELECT l.reason, l.until, l.in_flight, l.spacing_s INTO reason, until, lane_in_flight, spacing_s
            FROM fn.lane_holds(c.workspace_id, q.lane, p_slot, lane_in_flight) l;
        IF reason IS NOT NULL THEN
            scope := 'lane';
            RETURN;
        END IF;
    END IF;
    IF in_flight IS NULL OR in_flight >= v_cap THEN
        in_flight := fn.in_flight(c.workspace_id);
        IF in_flight >= v_cap THEN
            reason := 'customer_at_cap';
            scope := 'customer';
            RETURN;
        END IF;
    END IF;
    SELECT * INTO v_gate FROM fn.number_gate(c);
    IF v_gate.reason IS NOT NULL THEN
        reason := v_gate.reason;
        until := v_gate.until;
    ELSIF EXISTS (SELECT FROM attempts a WHERE a.to_number = c.target_phone
        AND a.state IN ('intent', 'unknown')) THEN
        reason := 'number_busy';
    END IF;
END $$;

-- The part of it that holds for a whole lane.
CREATE FUNCTION fn.lane_holds(p_workspace text, p_lane text, p_slot timestamptz,
    INOUT in_flight bigint, OUT reason text, OUT until timestamptz, OUT spacing_s integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    t tasks;
BEGIN
    IF p_lane = 'single' THEN
        until := fn.single_until(p_workspace);
        IF until > p_slot THEN
            reason := 'single_rate';
        END IF;
        RETURN;
    END IF;
    SELECT * INTO t FROM tasks x WHERE x.task_id = p_lane AND x.workspace_id = p_workspace;
    spacing_s := t.spacing_s;
    IF t.cancelled_at IS NOT NULL THEN
        reason := 'cancelled';
    ELSIF t.paused_at IS NOT NULL THEN
        reason := 'paused';
    ELSIF t.next_dial_at + fn.dial_slack() > p_slot THEN
        reason := 'spacing';
        until := t.next_dial_at + fn.dial_slack();
    ELSIF t.max_concurrent IS NOT NULL AND (in_flight IS NULL OR in_flight >= t.max_concurrent) THEN
        in_flight := fn.lane_in_flight(p_lane);
        IF in_flight >= t.max_concurrent THEN
            reason := 'campaign_at_cap';
        END IF;
    END IF;
END $$;

-- Which of these lanes need not wait any more for what only others can end: a pause, a cap. The dialer's
-- claim then says the rest.
CREATE FUNCTION fn.lanes_free(p_workspaces text[], p_lanes text[])
RETURNS TABLE (workspace_id text, lane text, in_flight bigint)
LANGUAGE sql STABLE AS $$
    SELECT l.workspace_id, l.lane, h.in_flight
    FROM unnest(p_workspaces, p_lanes) AS l (workspace_id, lane)
    CROSS JOIN LATERAL fn.lane_holds(l.workspace_id, l.lane, 'infinity', NULL) h
    WHERE h.reason IS NULL
$$;

-- What holds a call back, whatever it waits for: as fn.dial_holds, and 'not_due' for one whose time has
-- not come. reason NULL: it does not wait, or only for its turn.
CREATE FUNCTION fn.call_holds(c calls, p_default_cap integer, OUT reason text, OUT until timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    q call_queue;
BEGIN
    IF c.status NOT IN ('queued', 'scheduled') THEN
        RETURN;
    END IF;
    SELECT * INTO q FROM call_queue x WHERE x.queue_no = c.queue_no AND c.status = 'queued';
    IF FOUND THEN
        SELECT h.reason, h.until INTO reason, until
            FROM fn.dial_holds(q, c, clock_timestamp(), p_default_cap) h;
        RETURN;
    END IF;
    IF c.status = 'queued' THEN -- it sleeps
        SELECT g.reason, g.until INTO reason, until FROM fn.number_gate(c) g;
    END IF;
    IF reason IS NULL THEN
        reason := 'not_due';
        until := c.starts_at;
    END IF;
END $$;
