-- Negotiations. Prices come and go as decimals: as the text that the client wrote, as numeric in
-- between. JSON with a price in it is read and written here and nowhere else, because the JSON library
-- of the programs knows numbers as floating-point alone.

-- ---- prices ----

-- A price as it is written: 150.0, 135.5, 99.99; one decimal at least.
CREATE FUNCTION fn.price(p numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN round(p, 1) = p THEN round(p, 1) ELSE round(p, 2) END
$$;

-- The price in a JSON value; NULL for none and for what is no price.
CREATE FUNCTION fn.as_price(v json) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN json_typeof(v) = 'number'
            AND v::text ~ '^[0-9]{1,10}(\.[0-9]{1,2}0{0,20})?([eE]\+?0*[0-9])?$'
            AND v::text::numeric BETWEEN 0 AND 9999999999.99
        THEN round(v::text::numeric, 2) END
$$;

-- What is wrong with the JSON value of a price that may be absent; NULL when nothing is.
CREATE FUNCTION fn.price_fault(p_name text, v json) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN v IS NOT NULL AND json_typeof(v) <> 'null' AND fn.as_price(v) IS NULL
        THEN p_name || ' must be a number from 0 to 9999999999.99 with at most two decimals' END
$$;

-- ---- how they stand ----

-- The newest call of a provider, as its status.
CREATE FUNCTION fn.provider_status(p providers, p_status call_status, p_outcome call_outcome)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p.call_id IS NULL THEN coalesce(p.call_status::text, 'pending')
        WHEN p_status IN ('scheduled', 'queued') THEN 'pending'
        WHEN p_status IN ('dialing', 'dial_unknown', 'in_progress') THEN 'in_progress'
        WHEN p_status = 'completed' AND p_outcome::text LIKE 'success%' THEN 'completed'
        ELSE 'failed' END
$$;

-- What was said in a call so far; NULL before the first word.
CREATE FUNCTION fn.provider_transcript(p_call text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT string_agg(CASE e.data->>'role' WHEN 'bot' THEN 'Agent: ' ELSE 'Provider: ' END
        || regexp_replace(e.data->>'text', '\s+', ' ', 'g'), E'\n' ORDER BY e.event_id)
    FROM call_events e WHERE e.call_id = p_call AND e.event_type = 'transcript'
        AND e.data->>'role' IN ('bot', 'operator')
$$;

-- The price that an agent has learnt, and the sentence that names it.
CREATE FUNCTION fn.learnt_price(p_learnt json) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN fn.slot(p_learnt, 16, 'price') ~ '^[0-9]{1,10}(\.[0-9]{1,2})?$'
        THEN fn.slot(p_learnt, 16, 'price')::numeric END
$$;

CREATE FUNCTION fn.learnt_evidence(p_learnt json) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN fn.learnt_price(p_learnt) IS NOT NULL
        THEN fn.slot(p_learnt, 1000, 'evidence') END
$$;

-- A provider with how it stands. While a call goes on the price is what its agent has heard so far.
CREATE FUNCTION fn.provider_now(p providers)
RETURNS TABLE (id bigint, job_id uuid, name text, phone text, estimated_price numeric,
    negotiated_price numeric, call_status text, call_transcript text, price_evidence text,
    call_id text)
LANGUAGE sql STABLE AS $$
    SELECT p.id, p.job_id, p.name, p.phone, fn.price(p.estimated_price),
        fn.price(coalesce(p.negotiated_price, fn.learnt_price(c.learnt))),
        fn.provider_status(p, c.status, c.outcome_type),
        coalesce(p.call_transcript, fn.provider_transcript(p.call_id)),
        coalesce(p.price_evidence, fn.learnt_evidence(c.learnt)), p.call_id
    FROM (SELECT) one LEFT JOIN calls c
        ON c.call_id = p.call_id AND c.workspace_id = p.workspace_id
$$;

-- The providers of a job, in the order in which they were given.
CREATE FUNCTION fn.provider_view(p_workspace text, p_job uuid)
RETURNS TABLE (id bigint, job_id uuid, name text, phone text, estimated_price numeric,
    negotiated_price numeric, call_status text, call_transcript text, price_evidence text,
    call_id text)
LANGUAGE sql STABLE AS $$
    SELECT n.* FROM providers p CROSS JOIN LATERAL fn.provider_now(p) n
    WHERE p.job_id = p_job AND p.workspace_id = p_workspace ORDER BY p.id
$$;

-- The end of a call, whose row the caller holds locked: its price stays with the provider, whatever
-- becomes of the call. Where the agent of a conversation gave none, a language model may read the
-- transcript for it within a day (fn.prices_due).
CREATE FUNCTION fn.provider_settle(c calls) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.kind <> 'negotiation' THEN
        RETURN;
    END IF;
    UPDATE providers SET negotiated_price = fn.learnt_price(c.learnt),
        price_evidence = fn.learnt_evidence(c.learnt), read_tries = 0,
        read_at = CASE WHEN fn.learnt_price(c.learnt) IS NULL
            AND fn.slot(c.learnt, 16, 'offer') IS NULL AND EXISTS (SELECT FROM call_events e
            WHERE e.call_id = c.call_id AND e.event_type = 'transcript'
                AND e.data->>'role' = 'operator') THEN clock_timestamp() END
        WHERE call_id = c.call_id AND workspace_id = c.workspace_id;
END $$;

-- ---- prices that a language model reads ----

-- Transcripts to be read, leased for five minutes; five times at most, and not after a day.
CREATE FUNCTION fn.prices_due(p_limit integer)
RETURNS TABLE (id bigint, workspace_id text, call_id text, transcript text)
LANGUAGE sql AS $$
    WITH due AS MATERIALIZED (
        SELECT p.id, p.workspace_id FROM providers p
            WHERE p.read_at BETWEEN statement_timestamp() - interval '1 day' AND statement_timestamp()
            ORDER BY p.read_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    )
    UPDATE providers p SET read_tries = p.read_tries + 1,
            read_at = CASE WHEN p.read_tries < 4 THEN clock_timestamp() + interval '5 min' END
        FROM due d WHERE p.id = d.id AND p.workspace_id = d.workspace_id AND p.call_id IS NOT NULL
        RETURNING p.id, p.workspace_id, p.call_id, left(fn.provider_transcript(p.call_id), 100000)
$$;

-- What was read: a price with the sentence that names it, or none. A sentence that the provider did not
-- say proves nothing, whatever the model says of it, and above the client's limit nothing is agreed. Later: after so many seconds, once more.
CREATE FUNCTION fn.price_read(p_id bigint, p_workspace text, p_call text, p_price text,
    p_evidence text, p_again_s integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_sentence text := btrim(regexp_replace(p_evidence, '\s+', ' ', 'g'));
    v_proved boolean := p_price ~ '^[0-9]{1,10}(\.[0-9]{1,2})?$'
        AND length(v_sentence) BETWEEN 1 AND 1000
        AND EXISTS (SELECT FROM regexp_split_to_table(fn.provider_transcript(p_call), E'\n') l
            WHERE l LIKE 'Provider: %' AND strpos(l, v_sentence) > 0)
        AND NOT EXISTS (SELECT FROM providers p JOIN negotiation_jobs j USING (job_id, workspace_id)
            WHERE p.id = p_id AND p.workspace_id = p_workspace AND p_price::numeric > j.max_price);
BEGIN
    UPDATE providers SET
        negotiated_price = CASE WHEN v_proved THEN p_price::numeric END,
        price_evidence = CASE WHEN v_proved THEN v_sentence END,
        report_at = CASE WHEN v_proved AND EXISTS (SELECT FROM negotiation_jobs j
            WHERE j.job_id = providers.job_id AND j.workspace_id = p_workspace
                AND j.update_url IS NOT NULL) THEN clock_timestamp() ELSE report_at END,
        read_at = CASE WHEN read_tries < 5 THEN clock_timestamp() + p_again_s * interval '1 s' END
        WHERE id = p_id AND workspace_id = p_workspace AND call_id = p_call
            AND negotiated_price IS NULL;
    RETURN FOUND AND coalesce(v_proved, false);
END $$;

-- Calls that are about to be forgotten: how they ended stays.
CREATE FUNCTION fn.providers_detach(p_calls text[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE providers p SET call_id = NULL,
        call_status = fn.provider_status(p, c.status, c.outcome_type)::provider_call_status
        FROM calls c WHERE p.call_id = ANY (p_calls) AND c.call_id = p.call_id
            AND c.workspace_id = p.workspace_id
$$;

-- ---- jobs ----

-- What is wrong with the prices in the body of a job; NULL when nothing is.
CREATE FUNCTION fn.negotiation_fault(p_job json, p_providers json) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(fn.price_fault('max_price', p_job->'max_price'),
        CASE WHEN fn.as_price(p_job->'max_price') = 0 THEN 'max_price must be above 0' END,
        (SELECT f.fault FROM json_array_elements(CASE WHEN json_typeof(p_providers) = 'array'
                THEN p_providers ELSE '[]' END) WITH ORDINALITY p (value, no)
            CROSS JOIN LATERAL fn.price_fault('providers[' || p.no - 1 || '].estimated_price',
                p.value->'estimated_price') f (fault)
            WHERE f.fault IS NOT NULL ORDER BY p.no LIMIT 1))
$$;

-- Adds providers to a job; p_phones are their numbers, made E.164. One with a remote id that is there
-- already is not added again.
CREATE FUNCTION fn.providers_add(p_workspace text, p_job uuid, p_providers json, p_phones text[],
    p_remote boolean) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO providers (job_id, workspace_id, name, phone, phone_e164, estimated_price, remote_id)
        SELECT p_job, p_workspace, p.value->>'name', p.value->>'phone', p_phones[p.no],
            fn.as_price(p.value->'estimated_price'),
            CASE WHEN p_remote THEN p.value->>'id' END
        FROM json_array_elements(p_providers) WITH ORDINALITY p (value, no)
        ORDER BY p.no
        ON CONFLICT (job_id, remote_id) WHERE remote_id IS NOT NULL DO NOTHING
$$;

-- A new job from the body of its request, which has been checked but for its prices. fault is what is
-- wrong with those; nothing is made then.
CREATE FUNCTION fn.negotiation_create(p_workspace text, p_body json, p_phones text[],
    OUT job_id uuid, OUT fault text)
LANGUAGE plpgsql AS $$
BEGIN
    fault := fn.negotiation_fault(p_body, p_body->'providers');
    IF fault IS NOT NULL OR p_workspace IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO negotiation_jobs AS j (workspace_id, description, location, max_price)
        VALUES (p_workspace, p_body->>'description', p_body->>'location',
            fn.as_price(p_body->'max_price'))
        RETURNING j.job_id INTO job_id;
    IF cardinality(p_phones) > 0 THEN
        PERFORM fn.providers_add(p_workspace, job_id, p_body->'providers', p_phones, false);
    END IF;
END $$;

-- The same for a job of somebody else (p_body is {"job", "providers", …}), which may have been taken
-- over before: then it gets those of its providers that it has not yet.
CREATE FUNCTION fn.negotiation_take_over(p_workspace text, p_remote text, p_update_url text,
    p_keyed boolean, p_body json, p_phones text[], OUT job_id uuid, OUT fault text)
LANGUAGE plpgsql AS $$
BEGIN
    fault := fn.negotiation_fault(p_body->'job', p_body->'providers');
    IF fault IS NOT NULL OR p_workspace IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO negotiation_jobs AS j (workspace_id, description, location, max_price, remote_id,
            update_url, keyed)
        VALUES (p_workspace, p_body->'job'->>'description', p_body->'job'->>'location',
            fn.as_price(p_body->'job'->'max_price'), p_remote, p_update_url, p_keyed)
        ON CONFLICT (workspace_id, remote_id) WHERE remote_id IS NOT NULL
            DO UPDATE SET update_url = p_update_url, keyed = p_keyed
        RETURNING j.job_id INTO job_id;
    PERFORM fn.providers_add(p_workspace, job_id, p_body->'providers', p_phones, true);
END $$;

-- A job as its routes show it; no row when there is none.
CREATE FUNCTION fn.negotiation_show(p_workspace text, p_job uuid) RETURNS TABLE (body text)
LANGUAGE sql STABLE AS $$
    SELECT json_build_object('job_id', j.job_id, 'description', j.description,
        'location', j.location, 'max_price', fn.price(j.max_price),
        'created_at', fn.iso(j.created_at),
        'providers', (SELECT coalesce(json_agg(json_build_object('id', p.id, 'job_id', p.job_id,
            'name', p.name, 'phone', p.phone, 'estimated_price', p.estimated_price,
            'negotiated_price', p.negotiated_price, 'price_evidence', p.price_evidence,
            'call_status', p.call_status, 'call_id', p.call_id) ORDER BY p.id), '[]')
            FROM fn.provider_view(p_workspace, j.job_id) p))::text
    FROM negotiation_jobs j WHERE j.job_id = p_job AND j.workspace_id = p_workspace
$$;

-- The providers of a job as the routes of providers show them; no row when there is no such job.
CREATE FUNCTION fn.negotiation_providers(p_workspace text, p_job uuid, p_transcripts boolean)
RETURNS TABLE (body text)
LANGUAGE sql STABLE AS $$
    SELECT (SELECT coalesce(json_agg(CASE WHEN p_transcripts
            THEN json_build_object('id', p.id, 'job_id', p.job_id, 'name', p.name,
                'phone', p.phone, 'estimated_price', p.estimated_price,
                'negotiated_price', p.negotiated_price, 'call_status', p.call_status,
                'call_transcript', p.call_transcript)
            ELSE json_build_object('id', p.id, 'job_id', p.job_id, 'name', p.name,
                'phone', p.phone, 'estimated_price', p.estimated_price,
                'negotiated_price', p.negotiated_price, 'call_status', p.call_status) END
            ORDER BY p.id), '[]') FROM fn.provider_view(p_workspace, j.job_id) p)::text
    FROM negotiation_jobs j WHERE j.job_id = p_job AND j.workspace_id = p_workspace
$$;

-- ---- starting ----

-- The providers of a job that a start would call now: those who were never called; and, while no call
-- of the job is under way, those whose call came to nothing.
CREATE FUNCTION fn.providers_startable(p_workspace text, p_job uuid) RETURNS SETOF providers
LANGUAGE sql STABLE AS $$
    WITH standing AS (
        SELECT p.id, fn.provider_status(p, c.status, c.outcome_type) AS status
        FROM providers p LEFT JOIN calls c
            ON c.call_id = p.call_id AND c.workspace_id = p.workspace_id
        WHERE p.job_id = p_job AND p.workspace_id = p_workspace
    )
    SELECT p.* FROM providers p JOIN standing s USING (id)
        WHERE p.workspace_id = p_workspace AND (p.starts = 0 OR (s.status = 'failed'
            AND NOT EXISTS (SELECT FROM standing o JOIN providers q USING (id)
                WHERE q.workspace_id = p_workspace AND q.starts > 0
                    AND o.status IN ('pending', 'in_progress'))))
        ORDER BY p.id
$$;

-- What a start needs to know beforehand: the job, and who would be called. result is 'unknown',
-- 'empty' (a job without providers) or 'found'.
CREATE FUNCTION fn.negotiation_plan(p_workspace text, p_job uuid)
RETURNS TABLE (result text, description text, location text, max_price text, id bigint,
    phone_e164 text, estimated_price text)
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN j.job_id IS NULL THEN 'unknown'
            WHEN EXISTS (SELECT FROM providers q WHERE q.job_id = j.job_id
                AND q.workspace_id = p_workspace) THEN 'found' ELSE 'empty' END,
        j.description, j.location, j.max_price::text, p.id, p.phone_e164, p.estimated_price::text
    FROM (SELECT) one LEFT JOIN negotiation_jobs j
            ON j.job_id = p_job AND j.workspace_id = p_workspace
        LEFT JOIN LATERAL fn.providers_startable(p_workspace, j.job_id) p ON true
    ORDER BY p.id
$$;

-- Calls providers of a job, all of them or none: each by the one way to a call, as one task. p_wishes
-- is an array of {id, call_id, brief, slots}, a wish for each that was startable before; whoever was
-- started meanwhile is left out. result as from fn.calls_accept; body is the answer.
CREATE FUNCTION fn.negotiation_start(
    p_key_hash bytea, p_scope text, p_scope_id text, p_is_admin boolean, p_workspace text,
    p_idem_key text, p_idem_route text, p_fingerprint bytea,
    p_job uuid, p_task text, p_wishes json, p_language text, p_credits integer,
    p_price_cents integer,
    OUT result text, OUT workspace_id text, OUT status integer, OUT body text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_ws text;
    v_told boolean;
    v_far boolean;
    v_wanted record;
    v_refused record;
BEGIN
    SELECT f.result, f.workspace_id, f.status, f.body INTO result, v_ws, status, body
        FROM fn.call_foretell(p_key_hash, p_scope, p_scope_id, p_is_admin, p_workspace,
            p_idem_key, p_idem_route, p_fingerprint, 0) f;
    workspace_id := v_ws;
    IF result <> 'accepted' THEN
        RETURN;
    END IF;
    IF p_idem_key IS NOT NULL THEN
        SELECT k.result, k.status, k.body INTO result, status, body
            FROM fn.key_claim(v_ws, p_idem_route, p_idem_key, p_fingerprint, p_task) k;
        IF result <> 'accepted' THEN
            RETURN;
        END IF;
    END IF;
    -- Two starts at once: the second waits here, and finds nobody left to call.
    SELECT j.update_url IS NOT NULL INTO v_told FROM negotiation_jobs j
        WHERE j.job_id = p_job AND j.workspace_id = v_ws FOR UPDATE;
    PERFORM fn.credits_hold(v_ws, credit_month(clock_timestamp()), 0); -- waits for who else is at them
    SELECT count(*) AS count, array_agg(p.id ORDER BY p.id) AS ids,
            array_agg(p.phone_e164 ORDER BY p.id) AS phones,
            array_agg(w.value->>'call_id' ORDER BY p.id) AS calls,
            array_agg(w.value->>'brief' ORDER BY p.id) AS briefs,
            array_agg(w.value->'slots' ORDER BY p.id) AS slots
        INTO v_wanted
        FROM fn.providers_startable(v_ws, p_job) p JOIN json_array_elements(p_wishes) w
            ON (w.value->>'id')::bigint = p.id;
    SELECT m.status, m.body, m.far INTO status, body, v_far FROM fn.may_call(v_ws, v_wanted.phones) m
        WHERE v_wanted.count > 0;
    IF status IS NOT NULL THEN
        DELETE FROM idempotency_keys i WHERE i.workspace_id = v_ws
            AND i.route = p_idem_route AND i.key = p_idem_key;
        result := 'barred';
        RETURN;
    END IF;
    BEGIN
        SELECT a.result, a.body INTO v_refused
            FROM fn.negotiation_calls(p_key_hash, p_scope, p_scope_id, p_is_admin, p_workspace,
                v_wanted.calls, p_task, v_wanted.phones, v_wanted.briefs, p_language, v_wanted.slots,
                p_credits, p_price_cents) a
            WHERE a.result <> 'accepted' LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'OH001';
        END IF;
        UPDATE providers p SET call_id = n.call_id, starts = starts + 1,
            call_status = NULL, call_transcript = NULL, negotiated_price = NULL,
            price_evidence = NULL, report_tries = 0, report_sent = NULL,
            report_at = CASE WHEN v_told THEN clock_timestamp() + interval '1 s' END
            FROM unnest(v_wanted.ids, v_wanted.calls) AS n (id, call_id)
            WHERE p.id = n.id AND p.workspace_id = v_ws;
        IF v_far THEN
            PERFORM fn.far_note(v_ws, v_wanted.calls, v_wanted.phones);
        END IF;
    EXCEPTION WHEN SQLSTATE 'OH001' THEN -- nothing of it was done
        DELETE FROM idempotency_keys i WHERE i.workspace_id = v_ws
            AND i.route = p_idem_route AND i.key = p_idem_key;
        result := v_refused.result;
        body := v_refused.body;
        RETURN;
    END;
    status := 200;
    body := fn.start_answer(v_wanted.count::integer);
    IF p_idem_key IS NOT NULL THEN
        UPDATE idempotency_keys i SET status = 200, body = negotiation_start.body
            WHERE i.workspace_id = v_ws AND i.route = p_idem_route AND i.key = p_idem_key;
    END IF;
END $$;

-- Accepts the calls of a job, to numbers that may be called, which differ in their number, brief and slots; a row
-- each.
CREATE FUNCTION fn.negotiation_calls(
    p_key_hash bytea, p_scope text, p_scope_id text, p_is_admin boolean, p_workspace text,
    p_calls text[], p_task text, p_phones text[], p_briefs text[], p_language text, p_slots json[],
    p_credits integer, p_price_cents integer)
RETURNS TABLE (result text, workspace_id text, status integer, body text)
LANGUAGE sql AS $$
    SELECT a.* FROM (SELECT ARRAY[coalesce(cardinality(p_calls), 0)] AS size) s,
        fn.calls_accept(array_fill(p_key_hash, s.size), array_fill(p_scope, s.size),
            array_fill(p_scope_id, s.size), array_fill(p_is_admin, s.size),
            array_fill(p_workspace, s.size), NULL, NULL, NULL, p_calls, array_fill(p_task, s.size),
            p_phones, p_briefs, array_fill(p_language, s.size),
            array_fill('negotiation'::text, s.size), p_slots, array_fill('any'::text, s.size),
            array_fill('off'::machine_detection, s.size), NULL, NULL, array_fill(false, s.size),
            array_fill(p_credits, s.size), array_fill(p_price_cents, s.size),
            array_fill(1, s.size), p_may_call => true) a
$$;

CREATE FUNCTION fn.start_answer(p_count integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT json_build_object('status', 'started', 'message', 'Started calls for ' || p_count
        || ' providers', 'provider_count', p_count)::text
$$;

-- ---- an external backend ----

-- How long the backend has to answer a start before another one may ask it.
CREATE FUNCTION fn.start_patience() RETURNS interval
LANGUAGE sql IMMUTABLE AS $$ SELECT interval '60 s' $$;

-- Begins a start at an external backend. result is 'unknown', 'empty', 'nobody' (all are called, or
-- another start is asking) or 'ask': then body is what the backend is to be sent, ids those whom it is
-- to call, and request names this very start: a repetition that is for the same calls has the same.
CREATE FUNCTION fn.start_begin(p_workspace text, p_job uuid, p_update_url text,
    OUT result text, OUT body text, OUT ids text, OUT request text)
LANGUAGE plpgsql AS $$
DECLARE
    j negotiation_jobs;
BEGIN
    SELECT * INTO j FROM negotiation_jobs o WHERE o.job_id = p_job
        AND o.workspace_id = p_workspace FOR UPDATE;
    IF NOT FOUND THEN
        result := 'unknown';
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM providers p WHERE p.job_id = p_job AND p.workspace_id = p_workspace)
        THEN
        result := 'empty';
        RETURN;
    END IF;
    SELECT json_build_object(
            'job', json_build_object('job_id', j.job_id, 'description', j.description,
                'location', j.location, 'max_price', fn.price(j.max_price)),
            'providers', json_agg(json_build_object('id', p.id, 'job_id', p.job_id,
                'name', p.name, 'phone', p.phone, 'phone_e164', p.phone_e164,
                'estimated_price', fn.price(p.estimated_price)) ORDER BY p.id),
            'update_url', p_update_url)::text,
        array_agg(p.id ORDER BY p.id)::text,
        md5(string_agg(p.id || '.' || p.starts, ' ' ORDER BY p.id))
        INTO body, ids, request
        FROM fn.providers_startable(p_workspace, p_job) p;
    IF ids IS NULL OR j.starting_until > clock_timestamp() THEN
        result := 'nobody';
        RETURN;
    END IF;
    result := 'ask';
    UPDATE negotiation_jobs o SET starting_until = clock_timestamp() + fn.start_patience()
        WHERE o.job_id = p_job AND o.workspace_id = p_workspace;
END $$;

-- The end of it: the backend has taken those providers over, or (p_taken false) not.
CREATE FUNCTION fn.start_end(p_workspace text, p_job uuid, p_ids bigint[], p_taken boolean)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    v_count integer := 0;
BEGIN
    UPDATE negotiation_jobs SET starting_until = NULL
        WHERE job_id = p_job AND workspace_id = p_workspace;
    IF p_taken THEN
        -- Its reports may have come before its answer: those of a first start stand.
        UPDATE providers p SET starts = starts + 1, call_id = NULL,
            call_status = CASE WHEN starts = 0 AND call_status IS NOT NULL THEN call_status
                ELSE 'pending' END,
            call_transcript = CASE WHEN starts = 0 THEN call_transcript END,
            negotiated_price = CASE WHEN starts = 0 THEN negotiated_price END,
            price_evidence = NULL
            WHERE p.id = ANY (p_ids) AND p.workspace_id = p_workspace;
        GET DIAGNOSTICS v_count = ROW_COUNT;
    END IF;
    RETURN v_count;
END $$;

-- What the backend reports of a provider. p_trusted: it is the backend itself, which has no workspace;
-- else a caller in p_workspace. What is absent stays as it is. result is 'unknown', 'ours' (a call of
-- our own: nobody reports on that), 'invalid' (with what is wrong in body) or 'taken', with the
-- provider in body. What has ended stays ended until it is started again.
CREATE FUNCTION fn.provider_report(p_workspace text, p_trusted boolean, p_job uuid, p_id bigint,
    p_report json, OUT result text, OUT body text)
LANGUAGE plpgsql AS $$
DECLARE
    p providers;
    v_status provider_call_status := p_report->>'call_status';
    v_over boolean;
BEGIN
    SELECT * INTO p FROM providers o WHERE o.id = p_id AND o.job_id = p_job
        AND (p_trusted OR o.workspace_id = p_workspace) FOR UPDATE;
    IF NOT FOUND THEN
        result := 'unknown';
        RETURN;
    END IF;
    body := fn.price_fault('negotiated_price', p_report->'negotiated_price');
    IF p.call_id IS NOT NULL OR body IS NOT NULL THEN
        result := CASE WHEN body IS NULL THEN 'ours' ELSE 'invalid' END;
        RETURN;
    END IF;
    v_over := p.call_status IN ('completed', 'failed') AND v_status IN ('pending', 'in_progress');
    IF NOT coalesce(v_over, false) THEN
        UPDATE providers o SET call_status = coalesce(v_status, o.call_status),
            negotiated_price = CASE WHEN p_report->'negotiated_price' IS NULL
                THEN o.negotiated_price ELSE fn.as_price(p_report->'negotiated_price') END,
            call_transcript = CASE WHEN p_report->'call_transcript' IS NULL
                THEN o.call_transcript ELSE p_report->>'call_transcript' END
            WHERE o.id = p.id AND o.workspace_id = p.workspace_id;
    END IF;
    result := 'taken';
    SELECT json_build_object('id', v.id, 'job_id', v.job_id, 'name', v.name, 'phone', v.phone,
            'estimated_price', v.estimated_price, 'negotiated_price', v.negotiated_price,
            'call_status', v.call_status, 'call_transcript', v.call_transcript)::text
        INTO body FROM providers o CROSS JOIN LATERAL fn.provider_now(o) v
        WHERE o.id = p.id AND o.workspace_id = p.workspace_id;
END $$;

-- ---- reports on the calls that we place for somebody else ----

-- Who is to be told now of how a call of his stands, at most p_limit of them, each leased for 20 s. What
-- has not changed is looked at again a second later, until it has ended; so a report tells the newest
-- state, whatever was missed before. final: nothing comes after it.
CREATE FUNCTION fn.reports_due(p_limit integer)
RETURNS TABLE (id bigint, workspace_id text, call_id text, url text, keyed boolean, body text,
    final boolean)
LANGUAGE plpgsql AS $$ -- whose plan is kept: it is asked many times a second, mostly for nothing
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH due AS MATERIALIZED (
        SELECT p.id, p.workspace_id FROM providers p WHERE p.report_at <= statement_timestamp()
            ORDER BY p.report_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), seen AS MATERIALIZED (
        SELECT p.id, p.workspace_id, p.call_id, j.update_url || '/' || p.remote_id AS url, j.keyed,
            json_build_object('call_status', n.call_status, 'negotiated_price', n.negotiated_price,
                'call_transcript', left(n.call_transcript, 262144))::text AS body,
            n.call_status IN ('completed', 'failed') AS final, p.report_sent
        FROM due JOIN providers p USING (id, workspace_id)
            JOIN negotiation_jobs j USING (job_id, workspace_id)
            CROSS JOIN LATERAL fn.provider_now(p) n
    ), moved AS (
        UPDATE providers p SET report_at = CASE
                WHEN md5(s.body) IS DISTINCT FROM s.report_sent
                    THEN clock_timestamp() + interval '20 s'
                WHEN NOT s.final THEN clock_timestamp() + interval '1 s' END
            FROM seen s WHERE p.id = s.id AND p.workspace_id = s.workspace_id
    )
    SELECT s.id, s.workspace_id, s.call_id, s.url, s.keyed, s.body, s.final FROM seen s
        WHERE md5(s.body) IS DISTINCT FROM s.report_sent;
END $$;

-- How a report ended. p_status is the answer's, 0 when there was none. One that nobody wants is not
-- repeated; any other is, for about a day.
CREATE FUNCTION fn.report_result(p_id bigint, p_workspace text, p_call text, p_body text,
    p_final boolean, p_status integer, p_retry_after_s integer) RETURNS void
LANGUAGE sql AS $$
    UPDATE providers p SET
        report_sent = CASE WHEN p_status BETWEEN 200 AND 299 THEN md5(p_body)
            ELSE p.report_sent END,
        report_tries = CASE WHEN p_status BETWEEN 200 AND 299 THEN 0 ELSE p.report_tries + 1 END,
        report_at = CASE
            WHEN p_status BETWEEN 200 AND 299 AND NOT p_final
                THEN clock_timestamp() + interval '1 s'
            WHEN p_status BETWEEN 200 AND 299 OR p_status IN (404, 409, 410)
                OR p.report_tries >= 33 THEN NULL
            ELSE clock_timestamp() + fn.webhook_wait(p.report_tries + 1, p_retry_after_s) END
        WHERE p.id = p_id AND p.workspace_id = p_workspace AND p.call_id IS NOT DISTINCT FROM p_call
$$;
