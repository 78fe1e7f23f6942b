-- Toll fraud: what stands between a workspace and a number that costs much. Asked twice: when calls are
-- accepted (fn.may_call, fn.far_note), and in the claim of each dial (fn.dial_bar, by fn.number_gate), because
-- rules may have changed since, and scheduled calls and retries pass there too. doc/fraud.md says it to people.

-- ---- where a number lies ----

-- How a number begins: '+', '+4', '+44', … as long as a rule's prefix may be.
CREATE FUNCTION fn.prefixes(n text) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[left(n, 1), left(n, 2), left(n, 3), left(n, 4), left(n, 5), left(n, 6), left(n, 7),
        left(n, 8), left(n, 9)]
$$;

-- The country of a number ('ZZ': nobody knows) and the rule that decides about it, if any: the longest
-- prefix, of two alike the workspace's own. A rule for a country code is one for that country, not for
-- others whose numbers begin with it (+1 is not Jamaica's +1876); '+' is for all. By probes of the primary
-- keys, never by a walk over the rules.
CREATE FUNCTION fn.destination(p_workspace text, p_number text)
RETURNS TABLE (region text, prefix text, allow boolean, cost integer, rule_of text)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(d.region, 'ZZ'), r.prefix, r.allow, r.cost, r.workspace_id
    FROM (SELECT fn.prefixes(p_number) AS ways) n
    LEFT JOIN LATERAL (SELECT x.region, x.prefix FROM destinations x WHERE x.prefix = ANY (n.ways[2:5])
        ORDER BY length(x.prefix) DESC LIMIT 1) d ON true
    LEFT JOIN LATERAL (SELECT x.* FROM call_rules x
        WHERE x.workspace_id IN ('', p_workspace) AND x.prefix = ANY (n.ways)
            AND (x.prefix = '+' OR length(x.prefix) >= coalesce(length(d.prefix), 0))
        ORDER BY length(x.prefix) DESC, x.workspace_id DESC LIMIT 1) r ON true
$$;

-- Whether a number is at home, and no rule for all is about it. Sure when true; false may be one too many.
CREATE FUNCTION fn.at_home(h call_home, n text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT (left(n, 2) = ANY (h.begins) OR left(n, 3) = ANY (h.begins) OR left(n, 4) = ANY (h.begins)
        OR left(n, 5) = ANY (h.begins)) AND left(n, 5) <> ALL (h.odd)
$$;

-- Whether that is so and the workspace has no rules and limits and is not stopped: then there is nothing to
-- ask, as for most calls.
CREATE FUNCTION fn.number_plain(p_workspace text, p_number text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_plain boolean;
BEGIN
    SELECT fn.at_home(h, p_number) AND NOT h.limited
        AND NOT EXISTS (SELECT FROM call_rules r WHERE r.workspace_id = p_workspace)
        AND NOT EXISTS (SELECT FROM call_limits l WHERE l.workspace_id = p_workspace)
        AND NOT EXISTS (SELECT FROM dialing_stops s WHERE s.workspace_id = p_workspace)
        INTO v_plain FROM call_home h WHERE h.one;
    RETURN v_plain;
END $$;

-- A limit of a workspace: its own, else the operator's for all; NULL: none.
CREATE FUNCTION fn.call_limit(p_workspace text, p_name text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT l.most FROM call_limits l WHERE l.workspace_id IN ('', p_workspace) AND l.name = p_name
        ORDER BY l.workspace_id DESC LIMIT 1);
END $$;

-- How many more calls to a country are nothing new for a workspace: as many in 24 hours as conversations
-- there ended well on the days before, 200 at most. A country grows by what it was used for.
CREATE FUNCTION fn.calls_known(p_workspace text, p_region text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN greatest(0, (SELECT count(*) FROM (SELECT FROM far_calls f JOIN calls c USING (call_id, workspace_id)
            WHERE f.workspace_id = p_workspace AND f.region = p_region
                AND f.placed_at BETWEEN statement_timestamp() - interval '30 days'
                    AND statement_timestamp() - interval '24 hours'
                AND c.outcome_type::text LIKE 'success%' LIMIT 200) good)
        - (SELECT count(*) FROM far_calls f WHERE f.workspace_id = p_workspace AND f.region = p_region
            AND f.placed_at > statement_timestamp() - interval '24 hours'));
END $$;

-- Judges numbers that a workspace wants to call, in their order; those at home that no rule is about are left
-- out. allowed false: a rule forbids it. far: not at home, or not at the price of a call at home, so that it
-- is noted. trial: to a country that no rule opens, and more than is known of there.
CREATE FUNCTION fn.numbers_judge(p_workspace text, p_numbers text[])
RETURNS TABLE (no bigint, region text, prefix text, allowed boolean, cost integer, far boolean,
    trial boolean)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN -- a plan that is kept: planning it anew took longer than running it
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT n.no, d.region, d.prefix, d.allow, d.region <> h.region AS away,
            coalesce(d.cost, CASE WHEN d.region = h.region THEN 1 ELSE 10 END) AS cost,
            row_number() OVER (PARTITION BY d.region, d.allow IS NULL ORDER BY n.no) AS nth
        FROM call_home h CROSS JOIN unnest(p_numbers) WITH ORDINALITY n (number, no)
        CROSS JOIN LATERAL fn.destination(p_workspace, n.number) d
        WHERE NOT fn.at_home(h, n.number)
            OR EXISTS (SELECT FROM call_rules r WHERE r.workspace_id = p_workspace)
    ), strange AS MATERIALIZED (
        SELECT s.region, fn.calls_known(p_workspace, s.region) AS known
            FROM (SELECT DISTINCT region FROM judged WHERE away AND allow IS NULL) s
    )
    SELECT j.no, j.region, j.prefix, coalesce(j.allow, true), j.cost, j.away OR j.cost <> 1,
        j.away AND j.allow IS NULL AND j.nth > s.known
    FROM judged j LEFT JOIN strange s USING (region);
END $$;

-- ---- accepting ----

-- Whether a workspace may have these numbers called, all of them: status NULL, or what the client is told
-- instead. far: fn.far_note is to be called once the calls have been accepted.
CREATE FUNCTION fn.may_call(p_workspace text, p_numbers text[], OUT status integer, OUT body text,
    OUT far boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_prefix text;
    j record;
BEGIN
    IF cardinality(p_numbers) = 1 AND fn.number_plain(p_workspace, p_numbers[1]) THEN
        far := false;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM dialing_stops s WHERE s.workspace_id = p_workspace AND s.guarded) THEN
        status := 403;
        body := fn.bar_answer('dialing_held', 'Calls of this workspace were stopped because too many'
            ' were refused. Its operator can start them again.');
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE NOT n.allowed) AS denied,
        min(n.no) FILTER (WHERE NOT n.allowed) AS first_denied,
        count(*) FILTER (WHERE n.trial) AS trials, min(n.no) FILTER (WHERE n.trial) AS first_trial,
        cardinality(p_numbers) - count(*) + coalesce(sum(n.cost), 0) AS cost,
        coalesce(bool_or(n.far), false) AS far INTO j
        FROM fn.numbers_judge(p_workspace, p_numbers) n;
    far := j.far;
    IF j.denied > 0 THEN
        SELECT x.prefix INTO v_prefix FROM fn.destination(p_workspace, p_numbers[j.first_denied]) x;
        status := 403;
        body := fn.bar_answer('destination_denied', fn.bar_subject(p_numbers, j.denied,
            j.first_denied) || ' begins with ' || v_prefix || ', and such numbers may not be called.');
        PERFORM fn.refusal_note(p_workspace, 'destination_denied', p_numbers[j.first_denied]);
        RETURN;
    END IF;
    IF j.trials > 0 AND j.trials + (SELECT count(*) FROM far_calls f WHERE f.workspace_id = p_workspace
            AND f.trial AND f.placed_at > statement_timestamp() - interval '24 hours')
        > fn.call_limit(p_workspace, 'trial_calls') THEN
        status := 429;
        body := fn.bar_answer('destination_limit', fn.bar_subject(p_numbers, j.trials,
            j.first_trial) || ' is in a country that is new to this workspace, where at most '
            || fn.call_limit(p_workspace, 'trial_calls')
            || ' calls a day are tried. Its operator can open the country.');
        PERFORM fn.refusal_note(p_workspace, 'destination_limit', p_numbers[j.first_trial]);
        RETURN;
    END IF;
    SELECT b.status, b.body INTO status, body
        FROM fn.rate_bar(p_workspace, cardinality(p_numbers), j.cost) b;
END $$;

-- The limits of an hour and of a UTC day, where a workspace has one: of calls, of what they cost in units, and
-- of a new workspace, whose first day's doubles each day but is never more than it and the calls that were
-- charged. Counting ends at the limit, so it costs no more than that.
CREATE FUNCTION fn.rate_bar(p_workspace text, p_calls bigint, p_cost bigint, OUT status integer,
    OUT body text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_day timestamptz := date_trunc('day', clock_timestamp(), 'UTC');
    v_hour integer;
    v_most integer;
    v_cost integer;
    v_first integer;
    v_used bigint;
BEGIN
    SELECT (array_agg(l.most ORDER BY l.workspace_id DESC) FILTER (WHERE l.name = 'calls_per_hour'))[1],
        (array_agg(l.most ORDER BY l.workspace_id DESC) FILTER (WHERE l.name = 'calls_per_day'))[1],
        (array_agg(l.most ORDER BY l.workspace_id DESC) FILTER (WHERE l.name = 'cost_per_day'))[1],
        (array_agg(l.most ORDER BY l.workspace_id DESC) FILTER (WHERE l.name = 'first_day_calls'))[1]
        INTO v_hour, v_most, v_cost, v_first FROM call_limits l WHERE l.workspace_id IN ('', p_workspace);
    IF v_hour IS NOT NULL AND p_calls + (SELECT count(*) FROM (SELECT FROM calls c
            WHERE c.workspace_id = p_workspace AND c.created_at > statement_timestamp() - interval '1 hour'
            LIMIT v_hour) hour) > v_hour THEN
        status := 429;
        body := fn.bar_answer('hourly_limit', 'This workspace may place ' || v_hour
            || ' calls an hour. Its operator can raise that.');
        RETURN;
    END IF;
    v_most := least(v_most, fn.young_limit(p_workspace, v_first));
    IF v_most IS NULL AND v_cost IS NULL THEN
        RETURN;
    END IF;
    SELECT count(*) INTO v_used FROM (SELECT FROM calls c WHERE c.workspace_id = p_workspace
        AND c.created_at >= v_day LIMIT greatest(v_most, v_cost)) today;
    IF v_used + p_calls > v_most THEN
        status := 429;
        body := fn.bar_answer('daily_limit', 'This workspace may place ' || v_most
            || ' calls a day (UTC). Its operator can raise that.');
    ELSIF v_cost IS NOT NULL THEN
        SELECT v_used + coalesce(sum(f.cost - 1), 0) INTO v_used FROM far_calls f
            WHERE f.workspace_id = p_workspace AND f.placed_at >= v_day;
        IF v_used + p_cost > v_cost THEN
            status := 429;
            body := fn.bar_answer('daily_limit', 'What this workspace may spend a day (UTC) is used up.'
                ' Its operator can raise that.');
        END IF;
    END IF;
END $$;

-- What a workspace may place on a day while it is new; NULL: no limit, or not new any more (30 days).
CREATE FUNCTION fn.young_limit(p_workspace text, p_first integer) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT least(p_first * 2::numeric ^ y.days, p_first + (SELECT coalesce(sum(m.settled), 0)
            FROM credit_months m WHERE m.workspace_id = p_workspace), 1000000000)::integer
    FROM (SELECT floor(extract(epoch FROM clock_timestamp() - w.created_at) / 86400) AS days
        FROM workspaces w WHERE w.workspace_id = p_workspace) y
    WHERE p_first IS NOT NULL AND y.days < 30);
END $$;

-- Notes which of the calls that have just been accepted go far.
CREATE FUNCTION fn.far_note(p_workspace text, p_calls text[], p_numbers text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO far_calls (call_id, workspace_id, region, trial, cost)
        SELECT p_calls[n.no], p_workspace, n.region, n.trial, n.cost
            FROM fn.numbers_judge(p_workspace, p_numbers) n WHERE n.far;
END $$;

-- The same for the next call to the number of one.
CREATE FUNCTION fn.far_again(p_call text, p_next text) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO far_calls (call_id, workspace_id, region, trial, cost)
        SELECT p_next, workspace_id, region, trial, cost FROM far_calls WHERE call_id = p_call
$$;

CREATE FUNCTION fn.bar_answer(p_code text, p_message text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT json_build_object('detail', json_build_object('error_code', p_code, 'message', p_message))::text
$$;

-- 'The number', or of many which one: nothing of what was refused is done.
CREATE FUNCTION fn.bar_subject(p_numbers text[], p_count bigint, p_first bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN cardinality(p_numbers) = 1 THEN 'The number'
        ELSE p_count || ' of ' || cardinality(p_numbers)
            || ' numbers are refused, so none is called: number ' || p_first || ' of the list' END
$$;

-- Notes that a number was refused, once an hour, and stops a workspace's calls when there are too many that
-- differ: whoever has stolen a key tries many numbers, whose program repeats itself tries one.
CREATE FUNCTION fn.refusal_note(p_workspace text, p_why text, p_number text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_most integer := fn.call_limit(p_workspace, 'refusals_per_hour');
    v_hash bytea := substr(sha256(convert_to(p_workspace || p_number, 'UTF8')), 1, 8);
    v_count bigint;
BEGIN
    IF v_most IS NULL OR EXISTS (SELECT FROM call_refusals r WHERE r.workspace_id = p_workspace
        AND r.refused_at > statement_timestamp() - interval '1 hour' AND r.number_hash = v_hash) THEN
        RETURN;
    END IF;
    INSERT INTO call_refusals (workspace_id, why, number_hash) VALUES (p_workspace, p_why, v_hash);
    SELECT count(*) INTO v_count FROM call_refusals r WHERE r.workspace_id = p_workspace
        AND r.refused_at > statement_timestamp() - interval '1 hour';
    IF v_count >= v_most THEN
        PERFORM set_config('offhook.actor', 'guard', true);
        INSERT INTO dialing_stops (workspace_id, guarded, reason)
            VALUES (p_workspace, true, v_count || ' numbers were refused within an hour.')
            ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- ---- dialing ----

-- Whether nothing is dialed for a workspace: the switch of all, or its own.
CREATE FUNCTION fn.dialing_stopped(p_workspace text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM dialing_stops s WHERE s.workspace_id IN ('', p_workspace))
$$;

-- Why the number of this call may not be dialed now, and until when; reason NULL when it may.
--   destination_denied  a rule forbids it: never
--   trial_limit         as many calls to new countries were dialed within 24 hours as may be. Looked at again
--                       after ten minutes at the latest: somebody may have opened the country
CREATE FUNCTION fn.dial_bar(c calls, OUT reason text, OUT until timestamptz)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_allow boolean;
    v_most integer;
BEGIN
    IF fn.number_plain(c.workspace_id, c.target_phone) THEN
        RETURN;
    END IF;
    SELECT d.allow INTO v_allow FROM fn.destination(c.workspace_id, c.target_phone) d;
    IF v_allow THEN
        RETURN;
    ELSIF NOT v_allow THEN
        reason := 'destination_denied';
        RETURN;
    END IF;
    PERFORM FROM far_calls f WHERE f.call_id = c.call_id AND f.workspace_id = c.workspace_id AND f.trial
        AND f.dialed_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    v_most := fn.call_limit(c.workspace_id, 'trial_calls');
    IF v_most IS NULL THEN
        RETURN;
    ELSIF v_most = 0 THEN
        until := clock_timestamp() + interval '10 min';
    ELSE -- the oldest of so many leaves the 24 hours first
        SELECT f.dialed_at + interval '24 hours' INTO until FROM far_calls f
            WHERE f.workspace_id = c.workspace_id AND f.dialed_at > statement_timestamp() - interval '24 hours'
            ORDER BY f.dialed_at DESC OFFSET v_most - 1 LIMIT 1;
    END IF;
    IF until IS NOT NULL THEN
        reason := 'trial_limit';
        until := least(until, clock_timestamp() + interval '10 min');
    END IF;
END $$;

-- Those numbers of an array that callees may be connected with: at home, or where a rule allows it. A
-- customer's key can write that setting, and a transfer is a dial of which no claim knows.
CREATE FUNCTION fn.transfers_open(p_workspace text, p_numbers jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(n.number ORDER BY n.no), '[]')
    FROM call_home h CROSS JOIN jsonb_array_elements_text(p_numbers) WITH ORDINALITY n (number, no)
    CROSS JOIN LATERAL fn.destination(p_workspace, n.number) d
    WHERE coalesce(d.allow, d.region = h.region)
$$;

-- A dial of a call has been granted.
CREATE FUNCTION fn.far_dialed(p_call text) RETURNS void
LANGUAGE sql AS $$
    UPDATE far_calls SET dialed_at = clock_timestamp()
        WHERE call_id = p_call AND trial AND dialed_at IS NULL
$$;

-- ---- the operator ----

-- The dialer's own number tells where home is; nothing without one.
CREATE FUNCTION fn.home_is(p_number text) RETURNS void
LANGUAGE sql AS $$
    UPDATE call_home h SET region = d.region FROM fn.destination('', p_number) d
        WHERE p_number <> '' AND d.region <> h.region
$$;

-- The workspace that a rule, a limit or a stop is for: '' for all; NULL when there is no such workspace.
CREATE FUNCTION fn.ruled(p_workspace text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_workspace IS NULL THEN ''
        WHEN fn.scope_exists('workspace', p_workspace) THEN p_workspace END
$$;

-- What is meant by a country ('JM'), a prefix ('+1876') or 'all': the prefixes; none for what is unknown.
CREATE FUNCTION fn.rule_prefixes(p_target text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT '+' WHERE p_target = 'all'
    UNION ALL SELECT p_target WHERE p_target ~ '^\+[1-9][0-9]{0,7}$'
    UNION ALL SELECT d.prefix FROM destinations d WHERE d.region = p_target ORDER BY 1
$$;

-- Allows or forbids what a target means; 'set', 'workspace_unknown' or 'target_unknown'.
CREATE FUNCTION fn.rule_set(p_workspace text, p_target text, p_allow boolean, p_cost integer,
    p_reason text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.ruled(p_workspace) IS NULL THEN
        RETURN 'workspace_unknown';
    END IF;
    INSERT INTO call_rules AS r (workspace_id, prefix, allow, cost, reason)
        SELECT fn.ruled(p_workspace), p, p_allow, p_cost, p_reason FROM fn.rule_prefixes(p_target) p
        ON CONFLICT (workspace_id, prefix) DO UPDATE SET allow = p_allow, cost = p_cost,
            reason = p_reason, created_at = clock_timestamp();
    RETURN CASE WHEN FOUND THEN 'set' ELSE 'target_unknown' END;
END $$;

-- Takes such rules away: 'removed', 'workspace_unknown' or 'none'.
CREATE FUNCTION fn.rule_remove(p_workspace text, p_target text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.ruled(p_workspace) IS NULL THEN
        RETURN 'workspace_unknown';
    END IF;
    DELETE FROM call_rules r USING fn.rule_prefixes(p_target) p
        WHERE r.workspace_id = fn.ruled(p_workspace) AND r.prefix = p;
    RETURN CASE WHEN FOUND THEN 'removed' ELSE 'none' END;
END $$;

-- What would become of a call to a number now, by the rules, and why.
CREATE FUNCTION fn.rule_test(p_workspace text, p_number text)
RETURNS TABLE (verdict text, region text, prefix text, rule_of text, cost integer, known bigint)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN NOT j.allowed THEN 'denied' WHEN j.trial THEN 'trial' ELSE 'allowed' END, d.region,
        d.prefix, CASE d.rule_of WHEN '' THEN 'all' ELSE d.rule_of END, coalesce(j.cost, 1),
        CASE WHEN d.region <> h.region AND d.allow IS NULL
            THEN fn.calls_known(coalesce(p_workspace, ''), d.region) END
    FROM call_home h CROSS JOIN fn.destination(coalesce(p_workspace, ''), p_number) d
        LEFT JOIN fn.numbers_judge(coalesce(p_workspace, ''), ARRAY[p_number]) j ON true
$$;

-- Sets a limit; p_unset: that of all holds again. 'set' or 'workspace_unknown'.
CREATE FUNCTION fn.limit_set(p_workspace text, p_name text, p_most integer, p_unset boolean)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF fn.ruled(p_workspace) IS NULL THEN
        RETURN 'workspace_unknown';
    END IF;
    IF p_unset THEN
        DELETE FROM call_limits WHERE workspace_id = fn.ruled(p_workspace) AND name = p_name;
    ELSE
        INSERT INTO call_limits (workspace_id, name, most) VALUES (fn.ruled(p_workspace), p_name, p_most)
            ON CONFLICT (workspace_id, name) DO UPDATE SET most = p_most;
    END IF;
    RETURN 'set';
END $$;

-- The limits that hold for a workspace (NULL: for those that have none of their own), and what is used.
CREATE FUNCTION fn.limits_show(p_workspace text)
RETURNS TABLE (name text, most integer, own boolean, used bigint)
LANGUAGE sql STABLE AS $$
    SELECT n.name, l.most, l.workspace_id IS NOT NULL AND l.workspace_id = coalesce(p_workspace, ''),
        CASE WHEN p_workspace IS NULL THEN NULL
            WHEN n.name = 'trial_calls' THEN (SELECT count(*) FROM far_calls f
                WHERE f.workspace_id = p_workspace AND f.trial
                    AND f.placed_at > statement_timestamp() - interval '24 hours')
            WHEN n.name = 'refusals_per_hour' THEN (SELECT count(*) FROM call_refusals r
                WHERE r.workspace_id = p_workspace AND r.refused_at > statement_timestamp() - interval '1 hour')
            WHEN n.name = 'calls_per_hour' THEN (SELECT count(*) FROM calls c WHERE c.workspace_id = p_workspace
                AND c.created_at > statement_timestamp() - interval '1 hour')
            WHEN n.name = 'cost_per_day' THEN d.calls + (SELECT coalesce(sum(f.cost - 1), 0) FROM far_calls f
                WHERE f.workspace_id = p_workspace
                    AND f.placed_at >= date_trunc('day', clock_timestamp(), 'UTC'))
            ELSE d.calls END
    FROM unnest('{trial_calls,refusals_per_hour,calls_per_hour,calls_per_day,cost_per_day,first_day_calls}'::text[])
            WITH ORDINALITY n (name, no)
        CROSS JOIN (SELECT count(*) AS calls FROM calls c WHERE c.workspace_id = p_workspace
            AND c.created_at >= date_trunc('day', clock_timestamp(), 'UTC')) d
        LEFT JOIN LATERAL (SELECT x.workspace_id, x.most FROM call_limits x
            WHERE x.workspace_id IN ('', p_workspace) AND x.name = n.name
            ORDER BY x.workspace_id DESC LIMIT 1) l ON true
    ORDER BY n.no
$$;

-- Stops dialing, of one workspace or (NULL) of all, from the next claim on. Calls that run go on, those
-- that wait stay. 'stopped', 'already' or 'workspace_unknown'.
CREATE FUNCTION fn.dialing_stop(p_workspace text, p_reason text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.ruled(p_workspace) IS NULL THEN
        RETURN 'workspace_unknown';
    END IF;
    INSERT INTO dialing_stops (workspace_id, reason) VALUES (fn.ruled(p_workspace), p_reason)
        ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'stopped' ELSE 'already' END;
END $$;

-- Starts it again, whoever stopped it; what a workspace was refused is forgotten. 'started', 'already' or
-- 'workspace_unknown'.
CREATE FUNCTION fn.dialing_start(p_workspace text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF fn.ruled(p_workspace) IS NULL THEN
        RETURN 'workspace_unknown';
    END IF;
    DELETE FROM call_refusals WHERE workspace_id = p_workspace;
    DELETE FROM dialing_stops WHERE workspace_id = fn.ruled(p_workspace);
    RETURN CASE WHEN FOUND THEN 'started' ELSE 'already' END;
END $$;

-- ---- looking after it ----

-- Figures for Prometheus.
CREATE FUNCTION fn.fraud_figures() RETURNS TABLE (name text, label text, value bigint)
LANGUAGE sql STABLE AS $$
    SELECT 'dialing_stopped', 'scope="all"', count(*) FROM dialing_stops WHERE workspace_id = ''
    UNION ALL SELECT 'dialing_stopped', 'scope="workspace",by="operator"', count(*) FROM dialing_stops
        WHERE workspace_id <> '' AND NOT guarded
    UNION ALL SELECT 'dialing_stopped', 'scope="workspace",by="guard"', count(*) FROM dialing_stops
        WHERE workspace_id <> '' AND guarded
    UNION ALL SELECT 'numbers_refused_last_hour', 'why="' || w.why || '"', coalesce(r.n, 0)
        FROM (VALUES ('destination_denied'), ('destination_limit')) w (why)
        LEFT JOIN (SELECT why, count(*) AS n FROM call_refusals
            WHERE refused_at > statement_timestamp() - interval '1 hour' GROUP BY why) r USING (why)
$$;

CREATE FUNCTION fn.forget_refusals(p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    v_count integer;
BEGIN
    DELETE FROM call_refusals r USING (SELECT workspace_id, refused_at, number_hash FROM call_refusals
            WHERE refused_at < statement_timestamp() - interval '30 days' LIMIT p_limit) old
        WHERE r.workspace_id = old.workspace_id AND r.refused_at = old.refused_at
            AND r.number_hash = old.number_hash;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END $$;
