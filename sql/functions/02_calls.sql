-- The life of a call: the only places that change calls.status, besides its birth in
-- 03_accept.sql.

-- Moves a call, whose row the caller holds locked, to a status that is not final.
CREATE FUNCTION fn.call_move(p_call text, p_to call_status) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_from call_status;
BEGIN
    SELECT status INTO STRICT v_from FROM calls WHERE call_id = p_call;
    IF v_from <> p_to THEN
        UPDATE calls SET status = p_to WHERE call_id = p_call;
        PERFORM fn.event_add(p_call, 'status_change',
            json_build_object('status', p_to, 'previous', v_from));
    END IF;
END $$;

-- Ends a call, whose row the caller holds locked: status, outcome, ledger, events and what it has
-- booked together; and with it what follows in its campaign.
-- Credits are settled for a success, released for anything else; what was asked is dropped.
CREATE FUNCTION fn.call_end(p_call text, p_to call_status, p_outcome call_outcome, p_summary text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c calls;
    v_charged boolean := p_outcome::text LIKE 'success%';
    v_summary text;
BEGIN
    SELECT * INTO STRICT c FROM calls WHERE call_id = p_call;
    INSERT INTO credit_ledger (call_id, step, workspace_id, month, reserved, settled)
        SELECT l.call_id, 2, l.workspace_id, l.month, -l.reserved,
            CASE WHEN v_charged THEN l.reserved ELSE 0 END
        FROM credit_ledger l WHERE l.call_id = p_call AND l.step = 1;
    v_summary := concat_ws(' ', p_summary, fn.retry_place(c, p_outcome));
    UPDATE calls SET status = p_to, ended_at = clock_timestamp(), outcome_type = p_outcome,
        outcome_summary = v_summary, charge_cents = CASE WHEN v_charged THEN price_cents ELSE 0 END
        WHERE call_id = p_call;
    PERFORM fn.questions_end(p_call);
    PERFORM fn.event_add(p_call, 'status_change',
        json_build_object('status', p_to, 'previous', c.status));
    PERFORM fn.event_add(p_call, 'outcome', json_build_object('outcome_type', p_outcome,
        'summary', v_summary, 'charge_cents', CASE WHEN v_charged THEN c.price_cents ELSE 0 END));
    IF v_charged THEN
        PERFORM fn.booking_settle(c, p_outcome);
    END IF;
    PERFORM fn.provider_settle(c);
    IF c.answered_at IS NOT NULL THEN
        INSERT INTO recordings (call_id, workspace_id, call_sid, check_at)
            VALUES (p_call, c.workspace_id, c.call_sid, clock_timestamp() + interval '15 s')
            ON CONFLICT DO NOTHING;
    END IF;
    PERFORM fn.breaker_check(c);
    PERFORM fn.job_auto(c);
END $$;

-- How many numbers of the queue wait no more, as far as the two counters know.
CREATE FUNCTION fn.queue_departed() RETURNS bigint
LANGUAGE sql STABLE AS $$ SELECT l.last_value - r.last_value FROM queue_left l, queue_returned r $$;

-- Takes a waiting call out of the queue; false when it was not there.
CREATE FUNCTION fn.queue_leave(p_queue_no bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM call_queue WHERE queue_no = p_queue_no;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM nextval('queue_left');
    RETURN true;
END $$;

-- Cancels a call for a caller. True when it was not final and now is. A call that waits is never
-- dialed after this; one that the carrier may have is hung up by the watcher, which asks until
-- the carrier says that it is over.
CREATE FUNCTION fn.call_cancel(p_workspace text, p_call text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    c calls;
BEGIN
    SELECT * INTO c FROM calls WHERE call_id = p_call AND workspace_id = p_workspace FOR UPDATE;
    IF NOT FOUND OR call_is_final(c.status) THEN
        RETURN false;
    END IF;
    UPDATE attempts SET hangup_at = clock_timestamp(), check_at = clock_timestamp()
        WHERE call_id = p_call AND state IN ('intent', 'live', 'unknown');
    PERFORM fn.call_unwait(c);
    PERFORM fn.call_end(p_call, 'cancelled', 'cancelled', 'Cancelled by the customer.');
    RETURN true;
END $$;
