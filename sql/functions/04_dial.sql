-- Dialing: the leader's epoch, the grant of a dial, and what became of it.

-- Which history this is: another one after the database was put back to an earlier instant, after it was
-- moved, and after a standby was promoted.
CREATE FUNCTION fn.timeline() RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) FROM pg_control_system()
$$;

-- Whether a commit waits until a standby has it too.
CREATE FUNCTION fn.replicated() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT current_setting('synchronous_standby_names') <> ''
        AND current_setting('synchronous_commit') NOT IN ('off', 'local')
$$;

-- The history has changed, and the last commits of the one before may be missing from it: calls that wait
-- may have been dialed. Nothing is dialed until the operator has asked the carrier (fn.reconciled), or knows
-- better (fn.dialing_start).
CREATE FUNCTION fn.dialing_doubted() RETURNS void
LANGUAGE sql AS $$
    INSERT INTO dialing_stops (workspace_id, guarded, reason) VALUES ('', true,
        'The database is another one than before, or was put back: calls that wait may have been dialed.')
        ON CONFLICT (workspace_id) DO UPDATE SET guarded = true, reason = excluded.reason
$$;

-- Takes the lead from the holder of p_expected: a new epoch, after which no older one can be granted
-- anything. NULL when somebody else was quicker. Dials that were granted and never reported become
-- unknown: their senders may have sent them. p_doubtful: the old holder may still be alive; whoever
-- leads in the minute after that must know it, so it is kept.
CREATE FUNCTION fn.pacer_take(p_expected bigint, p_host text, p_pid integer, p_pid_start bigint,
    p_cps float8, p_doubtful boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_epoch bigint;
    v_doubted boolean;
    v_orphan record;
BEGIN
    SELECT timeline <> fn.timeline() AND NOT replicated INTO v_doubted FROM pacer
        WHERE one AND epoch = p_expected FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF v_doubted THEN
        PERFORM fn.dialing_doubted();
    END IF;
    UPDATE pacer SET epoch = epoch + 1, host = p_host, pid = p_pid, pid_start = p_pid_start,
        cps = p_cps, seen_at = clock_timestamp(), timeline = fn.timeline(), replicated = fn.replicated(),
        doubted_at = CASE WHEN p_doubtful THEN clock_timestamp() ELSE doubted_at END
        WHERE one RETURNING epoch INTO v_epoch;
    FOR v_orphan IN SELECT attempt_id FROM attempts
        WHERE state = 'intent' AND epoch < v_epoch LOOP
        PERFORM fn.dial_result(v_orphan.attempt_id, 'unknown', NULL,
            'The dialer died while it dialed.', 0);
    END LOOP;
    RETURN v_epoch;
END $$;

-- Lays the lead down: a standby need not wait until the holder's last sign of life is old.
CREATE FUNCTION fn.pacer_release(p_epoch bigint) RETURNS void
LANGUAGE sql AS $$ UPDATE pacer SET seen_at = NULL WHERE one AND epoch = p_epoch $$;

-- A sign of life of the leader; false when it is no longer the leader.
CREATE FUNCTION fn.pacer_seen(p_epoch bigint, p_cps float8) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pacer SET seen_at = clock_timestamp(), cps = p_cps, replicated = fn.replicated()
        WHERE one AND epoch = p_epoch;
    RETURN FOUND;
END $$;

-- Grants the dial of a waiting call: its slot, its place in the queue and the attempt in one
-- transaction. The slot is the leader's, who alone grants any: p_wait_us after our look at the clock, or up to
-- p_claim_us later, since he does not know when in his claim that is. What only he changes he brings along, and
-- gets back for his next claim:
--   p_in_flight  at least so many calls as its workspace has in flight, or NULL. Only claims add
--                some, so they are counted again only when this reaches the cap.
--   p_lane_in_flight  the same of its campaign.
-- result, with reason as fn.dial_holds() says it, or 'locked':
--   granted   he may send it
--   gone      it does not wait any more
--   off       it has left the queue without a dial: 'expired' and what fn.gate_verdict() knows have
--             ended it, for another reason it sleeps in the schedule
--   held      it waits on: in wait_us microseconds it may be tried again, NULL when nobody knows;
--             scope says who waits with it
--   deposed   the epoch is not the newest: stop
-- next_no is the next waiting call of the same lane (behind an expired one the next that has not), or NULL;
-- weight its workspace's. from_number and url (of the agent) are the call's own, NULL: ours.
CREATE FUNCTION fn.dial_claim(p_epoch bigint, p_queue_no bigint, p_wait_us bigint, p_claim_us bigint,
    p_default_cap integer, p_in_flight bigint, p_lane_in_flight bigint DEFAULT NULL,
    OUT result text, OUT reason text, OUT scope text, OUT attempt_id uuid, OUT call_id text,
    OUT to_number text, OUT machine_detection text, OUT wait_us bigint, OUT next_no bigint,
    OUT in_flight bigint, OUT lane_in_flight bigint, OUT weight integer, OUT from_number text, OUT url text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    q call_queue;
    c calls;
    h record;
    v_earliest timestamptz;
    v_locked boolean;
BEGIN
    in_flight := p_in_flight;
    lane_in_flight := p_lane_in_flight;
    PERFORM FROM pacer WHERE one AND epoch = p_epoch FOR UPDATE; -- nobody takes over before our commit
    IF NOT FOUND THEN
        result := 'deposed';
        RETURN;
    END IF;
    SELECT * INTO q FROM call_queue WHERE queue_no = p_queue_no;
    IF NOT FOUND THEN
        result := 'gone';
        RETURN;
    END IF;
    SELECT * INTO c FROM calls WHERE calls.call_id = q.call_id FOR UPDATE SKIP LOCKED;
    v_locked := NOT FOUND;
    PERFORM FROM call_queue WHERE queue_no = p_queue_no; -- again, under the call's lock
    IF v_locked THEN -- somebody is at it, perhaps for long: the others need not wait for him
        result := 'held';
        scope := 'call';
        reason := 'locked';
        wait_us := 50000;
    ELSIF NOT FOUND OR c.status <> 'queued' THEN
        result := 'gone';
    ELSIF c.not_after <= clock_timestamp() THEN
        PERFORM fn.queue_leave(p_queue_no);
        PERFORM fn.call_end(c.call_id, 'expired', 'expired', 'Not dialed in time.');
        result := 'off';
        reason := 'expired';
    ELSE
        v_earliest := clock_timestamp() + p_wait_us * interval '1 us';
        SELECT * INTO h FROM fn.dial_holds(q, c, v_earliest, p_default_cap, p_in_flight,
            p_lane_in_flight);
        in_flight := h.in_flight;
        lane_in_flight := h.lane_in_flight;
        weight := h.weight;
        reason := h.reason;
        scope := h.scope;
        IF reason IS NOT NULL THEN
            result := fn.dial_refuse(c, h.reason, h.scope, h.until);
            wait_us := extract(epoch FROM h.until - clock_timestamp()) * 1000000 - p_wait_us;
        ELSE
            attempt_id := fn.dial_grant(q, c, p_epoch, v_earliest + p_claim_us * interval '1 us',
                h.spacing_s);
            result := 'granted';
            call_id := c.call_id;
            to_number := c.target_phone;
            machine_detection := c.machine_detection;
            from_number := c.from_number;
            url := c.webhook_url;
            in_flight := in_flight + 1;
            lane_in_flight := lane_in_flight + 1;
        END IF;
    END IF;
    IF reason = 'expired' THEN
        next_no := fn.next_alive(q);
    ELSE
        SELECT min(n.queue_no) INTO next_no FROM call_queue n WHERE n.workspace_id = q.workspace_id
            AND n.rank = q.rank AND n.lane = q.lane AND n.queue_no > p_queue_no;
    END IF;
END $$;

-- The next call of a lane behind one that has expired: where one has, many have, and each would take a claim
-- with its commit. They are left to the keeper. Of the next thousand the last, when all of them have; NULL: there
-- is none.
CREATE FUNCTION fn.next_alive(q call_queue) RETURNS bigint
LANGUAGE sql AS $$
    SELECT coalesce(min(n.queue_no) FILTER (WHERE c.alive), max(n.queue_no))
    FROM (SELECT queue_no, call_id FROM call_queue
        WHERE workspace_id = q.workspace_id AND rank = q.rank AND lane = q.lane AND queue_no > q.queue_no
        ORDER BY queue_no LIMIT 1000) n
    CROSS JOIN LATERAL (SELECT coalesce(x.not_after > clock_timestamp(), true) AS alive FROM calls x
        WHERE x.call_id = n.call_id OFFSET 0) c -- each is looked up, however few the planner believes there are
$$;

-- Takes a waiting call, whose row the caller holds locked, out of the queue to be dialed: its attempt.
CREATE FUNCTION fn.dial_grant(q call_queue, c calls, p_epoch bigint, p_slot timestamptz,
    p_spacing_s integer) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    v_attempt uuid := gen_random_uuid();
BEGIN
    PERFORM fn.queue_leave(q.queue_no);
    UPDATE calls SET attempt_id = v_attempt, call_sid = NULL, dials = dials + 1,
        started_at = clock_timestamp() WHERE call_id = c.call_id;
    PERFORM fn.call_move(c.call_id, 'dialing');
    PERFORM fn.far_dialed(c.call_id);
    INSERT INTO attempts (attempt_id, workspace_id, call_id, epoch, to_number, slot_at, check_at,
            lane)
        VALUES (v_attempt, c.workspace_id, c.call_id, p_epoch, c.target_phone, p_slot,
            p_slot + interval '60 s', q.lane);
    IF p_spacing_s > 0 THEN
        UPDATE tasks SET next_dial_at = p_slot + p_spacing_s * interval '1 s'
            WHERE task_id = q.lane AND workspace_id = c.workspace_id;
    END IF;
    RETURN v_attempt;
END $$;

-- What becomes of a waiting call, whose row the caller holds locked, that may not be dialed: 'off' or
-- 'held' (see fn.dial_claim). One that nothing but its own number holds for long sleeps meanwhile, so
-- that the calls behind it are not looked for among thousands of its kind.
CREATE FUNCTION fn.dial_refuse(c calls, p_reason text, p_scope text, p_until timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_verdict text := fn.gate_verdict(p_reason);
BEGIN
    IF v_verdict IS NOT NULL THEN
        PERFORM fn.queue_leave(c.queue_no);
        PERFORM fn.call_end(c.call_id, 'failed', 'failed_technical', v_verdict);
        RETURN 'off';
    END IF;
    IF p_scope = 'call' AND p_until > clock_timestamp() + interval '60 s' THEN
        PERFORM fn.call_sleep(c, p_until);
        RETURN 'off';
    END IF;
    RETURN 'held';
END $$;

-- How a dial's POST ended. p_answer:
--   accepted    the carrier has it under p_sid
--   refused     the carrier said no
--   throttled   the carrier said "later": back into the queue
--   not_sent    the carrier could not be reached: back into the queue, or the end of a direct call
--   missed      its slot had passed before it could be sent: back into the queue
--   unknown     it was sent, and its answer was lost
-- Returns when the call may be tried again (microseconds from now, 0 at once), or NULL when it
-- does not wait.
CREATE FUNCTION fn.dial_result(p_attempt uuid, p_answer text, p_sid text, p_reason text,
    p_retry_s integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    a attempts;
    c calls;
    v_wait interval;
BEGIN
    SELECT x.* INTO c FROM attempts t JOIN calls x USING (call_id) WHERE t.attempt_id = p_attempt
        FOR UPDATE OF x;
    SELECT * INTO a FROM attempts WHERE attempt_id = p_attempt FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE attempts SET answer = p_answer WHERE attempt_id = p_attempt;
    IF p_answer = 'accepted' THEN
        PERFORM fn.attempt_bind(a, c, p_sid);
        RETURN NULL;
    END IF;
    IF a.state NOT IN ('intent', 'unknown') THEN
        RETURN NULL; -- a callback has told us more already
    END IF;
    IF p_answer = 'unknown' THEN
        UPDATE attempts SET state = 'unknown', check_at = clock_timestamp() + interval '2 s',
            deadline_at = clock_timestamp() + interval '120 s' WHERE attempt_id = p_attempt;
        IF c.status = 'dialing' AND c.attempt_id = p_attempt THEN
            PERFORM fn.call_move(c.call_id, 'dial_unknown');
        END IF;
        RETURN NULL;
    END IF;
    UPDATE attempts SET state = 'refused', check_at = NULL WHERE attempt_id = p_attempt;
    IF c.status NOT IN ('dialing', 'dial_unknown') OR c.attempt_id <> p_attempt THEN
        RETURN NULL; -- cancelled meanwhile
    END IF;
    IF p_answer = 'refused' OR (p_answer = 'not_sent' AND c.direct)
        OR EXISTS (SELECT FROM attempts f WHERE f.call_id = c.call_id -- dialed for a day in vain
            AND f.created_at < clock_timestamp() - interval '24 hours') THEN
        PERFORM fn.call_end(c.call_id, 'failed', 'failed_technical', p_reason);
        RETURN NULL;
    END IF;
    v_wait := CASE p_answer WHEN 'missed' THEN interval '0' ELSE
        greatest(p_retry_s, least(60, 2 ^ least(c.dials - 1, 6))) * (0.75 + random() / 2)
        * interval '1 s' END;
    PERFORM fn.call_move(c.call_id, 'queued');
    INSERT INTO call_queue (queue_no, workspace_id, call_id, rank, lane, not_before)
        VALUES (c.queue_no, c.workspace_id, c.call_id, c.queue_rank, c.queue_lane,
            clock_timestamp() + v_wait);
    PERFORM nextval('queue_returned');
    RETURN extract(epoch FROM v_wait) * 1000000;
END $$;

-- Binds the carrier's id to an attempt and its call (both locked), when it has none yet. An
-- attempt whose call is over already is to be hung up.
CREATE FUNCTION fn.attempt_bind(a attempts, c calls, p_sid text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF a.call_sid IS NOT NULL OR p_sid IS NULL THEN
        RETURN;
    END IF;
    UPDATE attempts SET state = 'live', call_sid = p_sid,
        check_at = clock_timestamp() + interval '15 s',
        deadline_at = clock_timestamp() + interval '120 s',
        hangup_at = CASE WHEN call_is_final(c.status) THEN clock_timestamp() ELSE hangup_at END
        WHERE attempt_id = a.attempt_id;
    IF call_is_final(c.status) OR a.hangup_at IS NOT NULL THEN
        UPDATE attempts SET check_at = clock_timestamp() WHERE attempt_id = a.attempt_id;
    END IF;
    IF c.attempt_id = a.attempt_id THEN
        UPDATE calls SET call_sid = p_sid WHERE call_id = c.call_id;
        IF c.status = 'dial_unknown' THEN
            PERFORM fn.call_move(c.call_id, 'dialing');
        END IF;
    END IF;
END $$;

-- Sets the departures right: numbers of the sequence that no commit used would otherwise count as
-- calls ahead, and a crash of the database moves all three counters on by up to 32. For when nothing
-- is being accepted; a commit on its way would be counted as departed.
CREATE FUNCTION fn.queue_recount() RETURNS void
LANGUAGE sql AS $$
    SELECT setval('queue_left', r.last_value + n.last_value - CASE WHEN n.is_called THEN 0 ELSE 1 END
        - (SELECT count(*) FROM call_queue)) FROM call_queue_no n, queue_returned r
$$;
