-- What may stand between a number and its dial: the do-not-call lists, the rules against toll fraud and the
-- callee's own hours. Asked
-- at the moment of dialing, by fn.dial_holds alone.

-- Why the number of this call may not be dialed now, and until when; reason NULL when it may.
--   do_not_call     it is on a list: never
--   destination_denied, trial_limit  as fn.dial_bar says
--   no_zone         there are hours to keep, and nobody knows where the number lies: never
--   no_window       it may lie in several zones, which are never inside the hours together: never
--   outside_window  the callee's hours are not those that were asked for
CREATE FUNCTION fn.number_gate(c calls, OUT reason text, OUT until timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t tasks;
    v_now timestamptz := clock_timestamp();
BEGIN
    IF EXISTS (SELECT FROM dnc d WHERE d.workspace_id IN ('', c.workspace_id)
        AND d.number = c.target_phone) THEN
        reason := 'do_not_call';
        RETURN;
    END IF;
    SELECT b.reason, b.until INTO reason, until FROM fn.dial_bar(c) b;
    IF reason IS NOT NULL THEN
        RETURN;
    END IF;
    IF c.queue_lane IN ('', 'single') THEN
        RETURN; -- of no campaign: no hours were asked for
    END IF;
    SELECT * INTO t FROM tasks x WHERE x.task_id = c.task_id AND x.workspace_id = c.workspace_id;
    IF t.window_from IS NULL THEN
        RETURN;
    END IF;
    IF coalesce(cardinality(c.zones), 0) = 0 THEN
        reason := 'no_zone';
        RETURN;
    END IF;
    until := fn.window_opens(c.zones, t.window_from, t.window_to, t.window_days, v_now);
    IF until IS NULL THEN
        reason := 'no_window';
    ELSIF until > v_now THEN
        reason := 'outside_window';
    ELSE
        until := NULL;
    END IF;
EXCEPTION WHEN invalid_parameter_value THEN -- a zone that this system does not have
    reason := 'no_zone';
    until := NULL;
END $$;

-- What a call is told that is ended because of such a reason; NULL for one that only waits.
CREATE FUNCTION fn.gate_verdict(p_reason text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_reason WHEN 'do_not_call' THEN 'The number is on the do-not-call list.'
        WHEN 'destination_denied' THEN 'Numbers that begin so may not be called.'
        WHEN 'no_zone' THEN 'The campaign has calling hours, and the number''s time zone is not known.'
        WHEN 'no_window' THEN 'The campaign''s calling hours never come in all time zones of the number'
            ' at once.' END
$$;

-- The first instant from p_at on that is inside the hours in all of the zones, by the clocks on their
-- walls; NULL when there is none within eight days. from is inside, to is not. Errors
-- (invalid_parameter_value) when there is no such zone.
CREATE FUNCTION fn.window_opens(p_zones text[], p_from time, p_to time, p_days smallint[],
    p_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_at timestamptz := p_at;
    v_before timestamptz;
    v_zone text;
BEGIN
    LOOP
        v_before := v_at;
        FOREACH v_zone IN ARRAY p_zones LOOP
            v_at := fn.window_opens_in(v_zone, p_from, p_to, p_days, v_at);
        END LOOP;
        IF v_at IS NULL OR v_at > p_at + interval '8 days' THEN
            RETURN NULL;
        ELSIF v_at = v_before THEN
            RETURN v_at;
        END IF;
    END LOOP;
END $$;

-- The same for one zone. On a day whose offset changes the hours are looked for minute by minute: the
-- clock may jump over their beginning, or come to them twice.
CREATE FUNCTION fn.window_opens_in(p_zone text, p_from time, p_to time, p_days smallint[],
    p_at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_day date := (p_at AT TIME ZONE p_zone)::date;
    v_opens timestamptz;
BEGIN
    IF fn.window_inside(p_zone, p_from, p_to, p_days, p_at) THEN
        RETURN p_at;
    END IF;
    FOR i IN 0..8 LOOP
        IF extract(isodow FROM v_day) = ANY (p_days) THEN
            IF (v_day + 1)::timestamp AT TIME ZONE p_zone - v_day::timestamp AT TIME ZONE p_zone
                = interval '24 hours' THEN
                v_opens := (v_day + p_from) AT TIME ZONE p_zone;
            ELSE
                SELECT min(m) INTO v_opens FROM generate_series(v_day::timestamp AT TIME ZONE p_zone,
                    (v_day + 1)::timestamp AT TIME ZONE p_zone, interval '1 min') m
                    WHERE m >= p_at AND fn.window_inside(p_zone, p_from, p_to, p_days, m);
            END IF;
            IF v_opens >= p_at THEN
                RETURN v_opens;
            END IF;
        END IF;
        v_day := v_day + 1;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION fn.window_inside(p_zone text, p_from time, p_to time, p_days smallint[],
    p_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT (p_at AT TIME ZONE p_zone)::time >= p_from AND (p_at AT TIME ZONE p_zone)::time < p_to
        AND extract(isodow FROM p_at AT TIME ZONE p_zone) = ANY (p_days)
$$;
