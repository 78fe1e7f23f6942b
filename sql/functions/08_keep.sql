-- What time alone brings about. Each works in bounded batches; the keeper calls it again while it
-- returns as many as it was allowed.

-- Calls whose not_after has passed while they waited, and those that have waited for 30 days.
CREATE FUNCTION fn.expire_calls(p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_due record;
    c calls;
    v_seen integer := 0;
BEGIN
    FOR v_due IN
        (SELECT e.call_id, e.workspace_id FROM call_expiry e
            WHERE e.expires_at <= statement_timestamp() ORDER BY e.expires_at LIMIT p_limit)
        UNION ALL
        -- OFFSET 0: each is looked up, however few calls the planner believes there are.
        (SELECT x.call_id, x.workspace_id FROM (SELECT q.call_id FROM call_queue q
            ORDER BY q.queue_no LIMIT 100) o CROSS JOIN LATERAL (SELECT * FROM calls y
                WHERE y.call_id = o.call_id OFFSET 0) x
            WHERE greatest(x.created_at, x.starts_at) < clock_timestamp() - interval '30 days') LOOP
        -- Never waits with the rows of earlier ones locked: one that is busy has its turn later.
        SELECT * INTO c FROM calls WHERE call_id = v_due.call_id FOR UPDATE SKIP LOCKED;
        IF NOT FOUND AND EXISTS (SELECT FROM calls WHERE call_id = v_due.call_id) THEN
            CONTINUE;
        END IF;
        IF c.status IN ('queued', 'scheduled') THEN
            PERFORM fn.call_unwait(c);
            PERFORM fn.call_end(c.call_id, 'expired', 'expired', 'Not dialed in time.');
        END IF;
        DELETE FROM call_expiry WHERE call_id = v_due.call_id
            AND expires_at <= clock_timestamp();
        v_seen := v_seen + 1;
    END LOOP;
    RETURN v_seen;
END $$;

CREATE FUNCTION fn.forget_idempotency_keys(p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM idempotency_keys k USING (SELECT workspace_id, route, key FROM idempotency_keys
            WHERE created_at < clock_timestamp() - interval '25 hours'
            ORDER BY created_at LIMIT p_limit) old
        WHERE k.workspace_id = old.workspace_id AND k.route = old.route AND k.key = old.key;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;

-- Forgets calls that ended more than p_days ago, with all that belongs to them; never one whose
-- attempt the carrier may still have, nor one of the last two months (the ledger is kept so long).
-- Bookings that are still to come stay. Returns the calls, so that the caller can remove their
-- recordings.
CREATE FUNCTION fn.forget_calls(p_days integer, p_limit integer) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    v_calls text[];
BEGIN
    SELECT array_agg(o.call_id) INTO v_calls FROM (SELECT c.call_id FROM calls c
        WHERE c.ended_at < clock_timestamp() - greatest(p_days, 93) * interval '1 day'
            AND NOT EXISTS (SELECT FROM attempts a WHERE a.call_id = c.call_id
                AND a.state IN ('intent', 'live', 'unknown'))
        ORDER BY c.ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED) o;
    DELETE FROM tasks t USING calls c WHERE c.call_id = ANY (v_calls) AND t.task_id = c.task_id
        AND t.workspace_id = c.workspace_id
        AND NOT EXISTS (SELECT FROM calls o WHERE o.task_id = t.task_id
            AND o.workspace_id = t.workspace_id AND o.call_id <> ALL (v_calls));
    DELETE FROM bookings b WHERE b.call_id = ANY (v_calls)
        AND fn.booking_status(b) IN ('past', 'cancelled');
    UPDATE bookings SET call_id = NULL WHERE call_id = ANY (v_calls);
    PERFORM fn.providers_detach(v_calls);
    DELETE FROM webhook_deliveries d USING call_events e WHERE e.call_id = ANY (v_calls)
        AND d.delivery_id = fn.delivery_id(e.call_id, e.event_id)
        AND d.workspace_id = e.workspace_id;
    DELETE FROM webhook_deliveries d WHERE d.call_id = ANY (v_calls) AND d.url IS NOT NULL;
    DELETE FROM questions WHERE call_id = ANY (v_calls);
    DELETE FROM agent_turns WHERE call_id = ANY (v_calls);
    DELETE FROM voice_streams WHERE call_id = ANY (v_calls);
    DELETE FROM recordings WHERE call_id = ANY (v_calls);
    DELETE FROM transcripts WHERE call_id = ANY (v_calls);
    DELETE FROM attempts WHERE call_id = ANY (v_calls);
    DELETE FROM far_calls WHERE call_id = ANY (v_calls);
    DELETE FROM credit_ledger WHERE call_id = ANY (v_calls);
    DELETE FROM call_events WHERE call_id = ANY (v_calls);
    DELETE FROM calls WHERE call_id = ANY (v_calls);
    RETURN QUERY SELECT unnest(v_calls);
END $$;
