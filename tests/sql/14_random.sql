-- Random sequences of everything that can happen to a few calls, with time passing in between;
-- after each step all that must always hold is looked at. Another seed a round, so that a round
-- that fails can be run again alone.
BEGIN;
SELECT no_plan();

CREATE TEMP TABLE dials (attempt_id uuid, call_id text, sid text); -- what the carrier may know

CREATE FUNCTION pg_temp.some(VARIADIC p_of text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT p_of[1 + floor(random() * array_length(p_of, 1))::integer]
$$;

CREATE FUNCTION pg_temp.time_passes(p_s numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_by interval := p_s * interval '1 s';
BEGIN
    UPDATE attempts SET created_at = created_at - v_by, slot_at = slot_at - v_by,
        check_at = check_at - v_by, deadline_at = deadline_at - v_by, hangup_at = hangup_at - v_by;
    UPDATE call_queue SET not_before = not_before - v_by;
    UPDATE call_expiry SET expires_at = expires_at - v_by;
    UPDATE calls SET not_after = not_after - v_by;
    UPDATE recordings SET check_at = check_at - v_by, created_at = created_at - v_by;
    UPDATE idempotency_keys SET created_at = created_at - v_by;
END $$;

-- One step: a caller, the dialer, the carrier, the agent, the watcher, the keeper, or time.
CREATE FUNCTION pg_temp.step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_do text := pg_temp.some('accept', 'accept', 'claim', 'claim', 'claim', 'report', 'report',
        'news', 'news', 'news', 'hear', 'watch', 'cancel', 'keep', 'time', 'lead');
    c calls;
    d dials;
    v_said text;
    v_sid text;
    w record;
BEGIN
    SELECT * INTO c FROM calls ORDER BY random() LIMIT 1;
    SELECT * INTO d FROM dials ORDER BY random() LIMIT 1;
    CASE v_do
    WHEN 'accept' THEN
        v_said := (SELECT result FROM t.accept(pg_temp.some('ws1', 'ws2'),
            CASE WHEN random() < 0.5 THEN pg_temp.some('k1', 'k2', 'k3', 'k4') END,
            random() < 0.3, p_phone => '+1555000' || floor(random() * 20),
            p_not_after => CASE WHEN random() < 0.3 THEN clock_timestamp()
                + random() * interval '100 s' END, p_credits => floor(random() * 3)::integer,
            p_cap => 3));
    WHEN 'claim' THEN
        SELECT q.call_id INTO v_said FROM call_queue q ORDER BY random() LIMIT 1;
        INSERT INTO dials SELECT g.attempt_id, v_said, t.sid() FROM t.claim(v_said, 3) g
            WHERE g.result = 'granted';
    WHEN 'report' THEN
        v_said := pg_temp.some('accepted', 'accepted', 'accepted', 'refused', 'throttled',
            'not_sent', 'missed', 'unknown');
        -- A dialer reports once; a successor or the watcher may have said "unknown" before.
        SELECT x.* INTO d FROM dials x JOIN attempts a USING (attempt_id)
            WHERE coalesce(a.answer, 'unknown') = 'unknown' ORDER BY random() LIMIT 1;
        PERFORM fn.dial_result(d.attempt_id, v_said, CASE WHEN v_said = 'accepted' THEN d.sid END,
            'x', 0);
    WHEN 'news' THEN
        v_said := pg_temp.some('queued', 'initiated', 'ringing', 'in-progress', 'in-progress',
            'completed', 'busy', 'failed', 'no-answer', 'canceled', 'nonsense');
        PERFORM t.news(d.call_id, CASE WHEN random() < 0.9 THEN d.sid ELSE t.sid() END, v_said,
            CASE WHEN random() < 0.5 THEN floor(random() * 60) END::numeric,
            CASE WHEN random() < 0.1 THEN 'machine_start' END,
            CASE WHEN random() < 0.8 THEN d.attempt_id END);
    WHEN 'hear' THEN
        v_said := (SELECT result FROM fn.agent_hear(d.call_id, d.attempt_id, d.sid,
            floor(random() * 4)::integer, pg_temp.some('', 'yes', 'no'), NULL, 60));
        IF v_said = 'speak' THEN
            PERFORM fn.agent_said(d.call_id, floor(random() * 4)::integer, pg_temp.some('', 'Hm.'),
                '<x/>', CASE WHEN random() < 0.3 THEN 'success_booked' END::call_outcome, 'Hm.');
        END IF;
    WHEN 'watch' THEN
        FOR w IN SELECT * FROM fn.watch_due(3) LOOP
            v_said := pg_temp.some('found', 'none', 'none', 'away', 'away');
            v_sid := coalesce(w.call_sid, (SELECT sid FROM dials x
                WHERE x.attempt_id = w.attempt_id));
            IF w.overdue AND w.state = 'live' THEN
                PERFORM fn.watch_give_up(w.attempt_id);
            END IF;
            IF v_said = 'away' THEN
                PERFORM fn.watch_failed(w.attempt_id);
            ELSIF v_said = 'none' AND w.state <> 'live' THEN
                PERFORM fn.watch_not_found(w.attempt_id);
            ELSE
                PERFORM t.news(w.call_id, v_sid, CASE WHEN w.hang_up THEN 'completed' ELSE
                    pg_temp.some('ringing', 'in-progress', 'completed') END, NULL, NULL,
                    w.attempt_id);
            END IF;
        END LOOP;
    WHEN 'cancel' THEN
        v_said := fn.call_cancel(c.workspace_id, c.call_id)::text;
    WHEN 'keep' THEN
        v_said := fn.expire_calls(2)::text;
    WHEN 'time' THEN
        v_said := pg_temp.some('1', '20', '61', '130');
        PERFORM pg_temp.time_passes(v_said::numeric);
    WHEN 'lead' THEN
        v_said := CASE WHEN random() < 0.2 THEN t.lead()::text ELSE '-' END;
    END CASE;
    RETURN v_do || ' ' || coalesce(v_said, '-');
END $$;

-- A round: NULL, or what broke and after which steps. Its calls are driven to their end afterwards
-- by time and the watcher alone, with a carrier that is away: every call must end.
CREATE FUNCTION pg_temp.play(p_seed float8, p_steps integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_steps text[] := '{}';
    v_broken text;
    v_ended jsonb := '{}';
    v_now jsonb;
    w record;
BEGIN
    PERFORM setseed(p_seed);
    PERFORM t.workspace('ws1', 30), t.workspace('ws2', 1000, 2), t.lead();
    PERFORM fn.queue_recount();
    FOR n IN 1..p_steps LOOP
        v_steps := v_steps || pg_temp.step();
        SELECT string_agg(b, '; ') INTO v_broken FROM t.broken() b;
        IF t.departures_off() <> 0 THEN
            v_broken := concat_ws('; ', v_broken, 'departures off by ' || t.departures_off());
        END IF;
        -- Final stays final, in all that its customer has been told.
        SELECT coalesce(jsonb_object_agg(call_id, concat(status, outcome_type, ended_at,
            charge_cents, outcome_summary)), '{}') INTO v_now FROM calls WHERE call_is_final(status);
        IF NOT v_now @> v_ended THEN
            v_broken := concat_ws('; ', v_broken, 'an ended call has changed');
        END IF;
        v_ended := v_now;
        IF v_broken IS NOT NULL THEN
            RETURN v_broken || ' after ' || v_steps[greatest(1, n - 30):n]::text;
        END IF;
    END LOOP;
    FOR n IN 1..60 LOOP
        PERFORM pg_temp.time_passes(50);
        FOR w IN SELECT * FROM fn.watch_due(1000) LOOP
            PERFORM fn.watch_failed(w.attempt_id);
        END LOOP;
    END LOOP;
    IF EXISTS (SELECT FROM calls WHERE status IN ('dialing', 'dial_unknown', 'in_progress')) THEN
        RETURN 'a call without an end after ' || v_steps::text;
    END IF;
    SELECT string_agg(b, '; ') INTO v_broken FROM t.broken() b;
    RETURN v_broken || ' at the end of ' || v_steps::text;
END $$;

-- A round that leaves nothing behind.
CREATE FUNCTION pg_temp.round(p_seed float8, p_steps integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'OH999',
        MESSAGE = coalesce(pg_temp.play(p_seed, p_steps), 'all is well');
EXCEPTION WHEN SQLSTATE 'OH999' THEN
    RETURN SQLERRM;
END $$;

SELECT is(pg_temp.round(n / 10.0, CASE n WHEN 1 THEN 400 ELSE 120 END), 'all is well',
    'round ' || n) FROM generate_series(1, 8) n;
SELECT * FROM finish();
ROLLBACK;
