-- helpers.sql: what the tests beside it share: short names for what a caller, the dialer and the
-- carrier do. Loaded once into the database of the tests (run). Each test file is one transaction
-- that is rolled back.

CREATE EXTENSION pgtap;
CREATE SCHEMA t;

CREATE SEQUENCE t.number;

-- A workspace of its own.
CREATE FUNCTION t.workspace(p_id text, p_quota integer DEFAULT 1000,
    p_cap integer DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.workspace_create(p_id, 'default', p_id, p_quota, p_cap) <> 'created' THEN
        RAISE EXCEPTION 'no workspace';
    END IF;
    RETURN p_id;
END $$;

-- A key's row; the text stands for the key that would be sent.
CREATE FUNCTION t.key(p_key text, p_scope text, p_id text, p_admin boolean DEFAULT false)
RETURNS text LANGUAGE sql AS $$
    SELECT fn.key_create('id-' || p_key, sha256(p_key::bytea), right(p_key, 4), p_scope, p_id,
        p_admin)
$$;

CREATE FUNCTION t.sid() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'CA' || md5(nextval('t.number')::text)
$$;

-- A number that nobody else calls.
CREATE FUNCTION t.phone() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT '+1555' || lpad(nextval('t.number')::text, 7, '0')
$$;

-- Accepts a call of a workspace, as the worker does for a caller it has verified itself.
CREATE FUNCTION t.accept(p_ws text, p_key text DEFAULT NULL, p_direct boolean DEFAULT false,
    p_body text DEFAULT 'body', p_phone text DEFAULT NULL, p_not_after timestamptz DEFAULT NULL,
    p_credits integer DEFAULT 1, p_cap integer DEFAULT 1, p_route text DEFAULT 'POST /calls',
    p_cents integer DEFAULT 7, OUT result text, OUT call_id text, OUT status integer, OUT body text)
LANGUAGE plpgsql AS $$
BEGIN
    call_id := 'call_' || lpad(nextval('t.number')::text, 26, '0');
    SELECT a.result, a.status, a.body INTO result, status, body
        FROM fn.calls_accept(NULL, '{workspace}', ARRAY[p_ws], '{false}', NULL, ARRAY[p_key],
            ARRAY[p_route], ARRAY[sha256(p_body::bytea)], ARRAY[call_id], ARRAY['task_' || call_id],
            ARRAY[coalesce(p_phone, t.phone())], '{Book a table.}', '{en}', '{other}',
            ARRAY['{"guests": 2}'::json], '{any}', '{off}', ARRAY['{"a": 1}'::json],
            ARRAY[p_not_after], ARRAY[p_direct], ARRAY[p_credits], ARRAY[p_cents], ARRAY[p_cap]) a;
END $$;

-- The id of a call that has been accepted.
CREATE FUNCTION t.call(p_ws text, p_direct boolean DEFAULT false, p_phone text DEFAULT NULL,
    p_credits integer DEFAULT 1) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    a record;
BEGIN
    SELECT * INTO a FROM t.accept(p_ws, p_direct => p_direct, p_phone => p_phone,
        p_credits => p_credits, p_cap => 1000);
    IF a.result <> 'accepted' THEN
        RAISE EXCEPTION '%', a.result;
    END IF;
    RETURN a.call_id;
END $$;

CREATE FUNCTION t.status(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT status::text FROM calls WHERE call_id = p_call
$$;

CREATE FUNCTION t.outcome(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT status || ' ' || outcome_type FROM calls WHERE call_id = p_call
$$;

CREATE FUNCTION t.attempt(p_call text) RETURNS attempts LANGUAGE sql AS $$
    SELECT a.* FROM calls c JOIN attempts a USING (attempt_id) WHERE c.call_id = p_call
$$;

-- The events of a call in short: "queued dialing +bot" and so on.
CREATE FUNCTION t.story(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(CASE event_type WHEN 'status_change' THEN data->>'status'
        WHEN 'transcript' THEN '+' || (data->>'role') ELSE event_type END, ' ' ORDER BY event_id)
    FROM call_events WHERE call_id = p_call
$$;

-- Takes the lead from whoever has it; the new epoch.
CREATE FUNCTION t.lead(p_host text DEFAULT 'here') RETURNS bigint LANGUAGE sql AS $$
    SELECT fn.pacer_take(epoch, p_host, 1, 1, 10) FROM pacer
$$;

-- Claims a call as the leader of today does.
CREATE FUNCTION t.claim(p_call text, p_cap integer DEFAULT 1000, p_epoch bigint DEFAULT NULL,
    OUT result text, OUT attempt_id uuid, OUT wait_us bigint, OUT next_no bigint)
LANGUAGE sql AS $$
    SELECT coalesce(d.reason, d.result), d.attempt_id, d.wait_us, d.next_no
    FROM calls c, pacer p, fn.dial_claim(coalesce(p_epoch, p.epoch), c.queue_no, 1000, 1000, p_cap,
        NULL) d
    WHERE c.call_id = p_call
$$;

-- Brings a call to where its dial has been granted; the attempt.
CREATE FUNCTION t.dialing(p_call text) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    g record;
BEGIN
    SELECT * INTO g FROM t.claim(p_call);
    IF g.result <> 'granted' THEN
        RAISE EXCEPTION 'claim of %: %', p_call, g.result;
    END IF;
    RETURN g.attempt_id;
END $$;

-- … to where the carrier has taken it; its sid.
CREATE FUNCTION t.dialed(p_call text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_sid text := t.sid();
BEGIN
    PERFORM fn.dial_result(t.dialing(p_call), 'accepted', v_sid, '', 0);
    RETURN v_sid;
END $$;

-- The carrier's word about the newest attempt.
CREATE FUNCTION t.news(p_call text, p_sid text, p_status text, p_duration numeric DEFAULT NULL,
    p_answered_by text DEFAULT NULL, p_attempt uuid DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
    SELECT fn.carrier_news(p_call, p_attempt, p_sid, p_status, p_duration, p_answered_by, 1800)
$$;

-- … to where somebody has answered; its sid.
CREATE FUNCTION t.answered(p_call text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_sid text := t.dialed(p_call);
BEGIN
    PERFORM t.news(p_call, v_sid, 'in-progress');
    RETURN v_sid;
END $$;

-- … into any status, by a way that the product knows.
CREATE FUNCTION t.bring(p_call text, p_status text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    CASE p_status
        WHEN 'queued' THEN NULL;
        WHEN 'dialing' THEN PERFORM t.dialing(p_call);
        WHEN 'dial_unknown' THEN
            PERFORM fn.dial_result(t.dialing(p_call), 'unknown', NULL, '', 0);
        WHEN 'in_progress' THEN PERFORM t.answered(p_call);
        WHEN 'completed' THEN PERFORM t.news(p_call, t.answered(p_call), 'completed', 10);
        WHEN 'failed' THEN
            PERFORM fn.dial_result(t.dialing(p_call), 'refused', NULL, 'refused', 0);
        WHEN 'cancelled' THEN
            PERFORM fn.call_cancel((SELECT workspace_id FROM calls WHERE call_id = p_call), p_call);
        WHEN 'expired' THEN
            UPDATE calls SET not_after = clock_timestamp() - interval '1 s' WHERE call_id = p_call;
            PERFORM t.claim(p_call);
    END CASE;
    IF t.status(p_call) <> p_status THEN
        RAISE EXCEPTION 'brought to % instead of %', t.status(p_call), p_status;
    END IF;
END $$;

-- Months in credits: "reserved settled" of the present one.
CREATE FUNCTION t.credits(p_ws text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce((SELECT reserved || ' ' || settled FROM credit_months
        WHERE workspace_id = p_ws AND month = credit_month(clock_timestamp())), '0 0')
$$;

-- What must hold at any time, whatever has happened; no row when it does.
CREATE FUNCTION t.broken() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN QUERY
    SELECT 'ledger: ' || a::text FROM fn.credits_audit_months() a
    UNION ALL SELECT 'charge: ' || a::text FROM fn.credits_audit_calls() a
    UNION ALL SELECT 'a month overdrawn: ' || m.workspace_id
        FROM credit_months m JOIN workspaces w USING (workspace_id)
        WHERE m.reserved + m.settled > w.quota + m.granted
    UNION ALL SELECT 'a gap in the events of ' || c.call_id FROM calls c
        WHERE c.event_count <> (SELECT count(*) FROM call_events e WHERE e.call_id = c.call_id)
            OR c.event_count <> (SELECT max(event_id) FROM call_events e
                WHERE e.call_id = c.call_id)
    UNION ALL SELECT 'events that do not tell the status of ' || c.call_id FROM calls c
        WHERE c.status::text IS DISTINCT FROM (SELECT data->>'status' FROM call_events e
            WHERE e.call_id = c.call_id AND event_type = 'status_change'
            ORDER BY event_id DESC LIMIT 1)
    UNION ALL SELECT 'a broken chain of statuses in ' || e.call_id FROM (
            SELECT call_id, data->>'previous' AS previous, lag(data->>'status') OVER
                (PARTITION BY call_id ORDER BY event_id) AS before
            FROM call_events WHERE event_type = 'status_change') e
        WHERE e.previous IS DISTINCT FROM e.before
    UNION ALL SELECT 'outcomes of ' || c.call_id FROM calls c
        WHERE (SELECT count(*) FROM call_events e WHERE e.call_id = c.call_id
            AND e.event_type = 'outcome') <> CASE WHEN call_is_final(c.status) THEN 1 ELSE 0 END
    UNION ALL SELECT 'queue and status disagree: ' || c.call_id FROM calls c
        WHERE (SELECT count(*) FROM call_queue q WHERE q.call_id = c.call_id
                AND q.queue_no = c.queue_no AND q.rank = c.queue_rank AND q.lane = c.queue_lane)
            + (SELECT count(*) FROM call_schedule s WHERE s.call_id = c.call_id
                AND s.starts_at = c.starts_at AND s.rank = c.queue_rank
                AND s.queue_no IS NOT DISTINCT FROM c.queue_no)
            <> CASE WHEN c.status IN ('queued', 'scheduled') THEN 1 ELSE 0 END
    UNION ALL SELECT 'a scheduled call has a place in the queue: ' || c.call_id FROM calls c
        WHERE c.status = 'scheduled' AND c.queue_no IS NOT NULL
    UNION ALL SELECT 'two attempts at work for ' || a.call_id FROM attempts a JOIN calls c
            USING (call_id)
        WHERE a.state IN ('intent', 'live', 'unknown') AND NOT call_is_final(c.status)
        GROUP BY a.call_id HAVING count(*) > 1
    UNION ALL SELECT 'nothing will ever move ' || c.call_id FROM calls c
        WHERE c.status IN ('dialing', 'dial_unknown', 'in_progress')
            AND NOT EXISTS (SELECT FROM attempts a WHERE a.attempt_id = c.attempt_id
                AND a.check_at IS NOT NULL AND a.state IN ('intent', 'live', 'unknown'));
END $$;

-- How far the departures are from the truth: what has a number, and waits no more.
CREATE FUNCTION t.departures_off() RETURNS bigint LANGUAGE sql AS $$
    SELECT fn.queue_departed() - (CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END
        - (SELECT count(*) FROM call_queue)) FROM call_queue_no s
$$;
