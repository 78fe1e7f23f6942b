-- CallRail: who wants calls from where, whose turn it is to be asked, what is made of a page of calls, and
-- what of a refusal.

-- ---- who wants what ----

-- The workspaces that want calls, by the settings as they are now: fn.setting for all of them at once.
CREATE FUNCTION fn.callrail_sources()
RETURNS TABLE (workspace_id text, account_id text, company_id text, api_key text, key_hash bytea,
    every interval, backfill interval)
LANGUAGE sql STABLE AS $$
    WITH said AS MATERIALIZED (
        SELECT s.scope, s.scope_id, split_part(s.path, '.', 3) AS name, s.value FROM settings s
            WHERE s.path LIKE 'integrations.callrail.%'
    ), near AS (
        SELECT DISTINCT ON (a.workspace_id, a.name) a.workspace_id, a.name, a.value FROM (
            SELECT w.workspace_id, s.name, s.value, 1 AS distance FROM said s
                JOIN workspaces w ON w.workspace_id = s.scope_id WHERE s.scope = 'workspace'
            UNION ALL SELECT w.workspace_id, s.name, s.value, 2 FROM said s
                JOIN workspaces w ON w.organization_id = s.scope_id WHERE s.scope = 'organization'
            UNION ALL SELECT w.workspace_id, s.name, s.value, 3 FROM said s
                JOIN workspaces w ON w.partner_id = s.scope_id WHERE s.scope = 'partner'
            UNION ALL SELECT w.workspace_id, s.name, s.value, 4 FROM said s
                CROSS JOIN workspaces w WHERE s.scope = 'platform') a
        ORDER BY a.workspace_id, a.name, a.distance
    ), wanted AS (
        SELECT n.workspace_id, max(n.value #>> '{}') FILTER (WHERE n.name = 'account_id') AS account_id,
            coalesce(max(n.value #>> '{}') FILTER (WHERE n.name = 'company_id'), '') AS company_id,
            max(n.value #>> '{}') FILTER (WHERE n.name = 'api_key') AS api_key,
            coalesce(max(n.value::integer) FILTER (WHERE n.name = 'poll_interval_seconds'), 60) AS seconds,
            coalesce(max(n.value::integer) FILTER (WHERE n.name = 'backfill_days'), 7) AS days
        FROM near n GROUP BY n.workspace_id HAVING bool_or(n.name = 'enabled' AND n.value = 'true')
    )
    SELECT w.workspace_id, w.account_id, w.company_id, w.api_key, sha256(convert_to(w.api_key, 'UTF8')),
        w.seconds * interval '1 s', w.days * interval '1 day'
    FROM wanted w WHERE w.account_id IS NOT NULL AND w.api_key IS NOT NULL
$$;

-- The same for one workspace: no row when it wants nothing.
CREATE FUNCTION fn.callrail_source(p_workspace text)
RETURNS TABLE (account_id text, company_id text, api_key text, key_hash bytea)
LANGUAGE sql STABLE AS $$
    SELECT s.account, s.company, s.key, sha256(convert_to(s.key, 'UTF8')) FROM (SELECT
            fn.setting(p_workspace, 'integrations.callrail.account_id') #>> '{}' AS account,
            coalesce(fn.setting(p_workspace, 'integrations.callrail.company_id') #>> '{}', '') AS company,
            fn.setting(p_workspace, 'integrations.callrail.api_key') #>> '{}' AS key) s
    WHERE fn.setting(p_workspace, 'integrations.callrail.enabled') = 'true' AND s.account IS NOT NULL
        AND s.key IS NOT NULL
$$;

-- Those of a walk's workspaces that want it now, and the key.
CREATE FUNCTION fn.callrail_wanted(k callrail_walks) RETURNS TABLE (workspace_id text, api_key text)
LANGUAGE sql STABLE AS $$
    SELECT f.workspace_id, s.api_key FROM callrail_feeds f
        CROSS JOIN LATERAL fn.callrail_source(f.workspace_id) s
    WHERE f.walk_id = k.walk_id AND s.account_id = k.account_id AND s.company_id = k.company_id
        AND s.key_hash = k.key_hash
$$;

-- Brings accounts, walks and feeds to what the settings want. A feed that is wanted no more keeps how far it
-- is, and goes on from there when it is wanted again. Everything is joined with everything: plans that were
-- made while the tables were small must not try row by row.
CREATE FUNCTION fn.callrail_refresh() RETURNS void
LANGUAGE plpgsql SET enable_nestloop = off AS $$
BEGIN
    UPDATE callrail_walks k SET every = s.every
        FROM (SELECT account_id, company_id, key_hash, min(every) AS every FROM fn.callrail_sources()
            GROUP BY 1, 2, 3) s
        WHERE s.account_id = k.account_id AND s.company_id = k.company_id AND s.key_hash = k.key_hash
            AND s.every <> k.every;
    IF NOT EXISTS (SELECT FROM fn.callrail_sources() s FULL JOIN (SELECT f.workspace_id, k.account_id,
                k.company_id, k.key_hash FROM callrail_feeds f JOIN callrail_walks k USING (walk_id)) h
            USING (workspace_id, account_id, company_id, key_hash)
            WHERE s.api_key IS NULL OR h.workspace_id IS NULL)
        OR NOT pg_try_advisory_xact_lock(hashtext('callrail_refresh')) THEN
        RETURN; -- as it should be, or somebody else is at it
    END IF;
    INSERT INTO callrail_accounts (account_id)
        SELECT account_id FROM fn.callrail_sources() GROUP BY 1 ON CONFLICT DO NOTHING;
    INSERT INTO callrail_walks (account_id, company_id, key_hash, every)
        SELECT account_id, company_id, key_hash, min(every) FROM fn.callrail_sources() GROUP BY 1, 2, 3
        ON CONFLICT DO NOTHING;
    INSERT INTO callrail_feeds (workspace_id, account_id, company_id, since, polled_until)
        SELECT workspace_id, account_id, company_id, clock_timestamp() - backfill, clock_timestamp() - backfill
        FROM fn.callrail_sources() ON CONFLICT DO NOTHING;
    UPDATE callrail_feeds f SET walk_id = n.walk_id, joined_at = clock_timestamp()
        FROM callrail_feeds o LEFT JOIN fn.callrail_sources() s USING (workspace_id, account_id, company_id)
            LEFT JOIN callrail_walks n ON n.account_id = s.account_id AND n.company_id = s.company_id
                AND n.key_hash = s.key_hash
        WHERE f.workspace_id = o.workspace_id AND f.account_id = o.account_id
            AND f.company_id = o.company_id AND f.walk_id IS DISTINCT FROM n.walk_id;
    DELETE FROM callrail_walks k WHERE NOT EXISTS (SELECT FROM callrail_feeds f WHERE f.walk_id = k.walk_id);
    DELETE FROM callrail_days WHERE day < clock_timestamp() - interval '31 days';
END $$;

-- ---- whose turn it is ----

-- Takes a request out of what an account may be asked, whoever asks: 0, or in how many seconds to come again.
-- CallRail allows 1,000 an hour and 10,000 a day and does not say how it counts them. Here 450 come back in an
-- hour and at most 450 are saved up, and 8,100 and 900 for a day: at most 900 in any hour, 9,000 in any day.
-- p_keep of them stay for those who come with less.
CREATE FUNCTION fn.callrail_spend(p_account text, p_keep integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    a callrail_accounts;
    v_now timestamptz := clock_timestamp();
    v_past float8;
    v_wait float8;
BEGIN
    INSERT INTO callrail_accounts (account_id) VALUES (p_account) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT a FROM callrail_accounts WHERE account_id = p_account FOR UPDATE;
    v_past := greatest(0, extract(epoch FROM v_now - a.left_at));
    a.hour_left := least(450, a.hour_left + v_past * 450 / 3600);
    a.day_left := least(900, a.day_left + v_past * 8100 / 86400);
    v_wait := greatest(0, extract(epoch FROM a.next_at - v_now), (p_keep + 1 - a.hour_left) * 3600 / 450,
        (p_keep + 1 - a.day_left) * 86400 / 8100);
    IF v_wait = 0 THEN
        UPDATE callrail_accounts SET hour_left = a.hour_left - 1, day_left = a.day_left - 1, left_at = v_now
            WHERE account_id = p_account;
    END IF;
    RETURN ceil(v_wait);
END $$;

-- When a walk may go on: at once while there are pages, or its newest window ended before the present.
CREATE FUNCTION fn.callrail_due(k callrail_walks) RETURNS timestamptz
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN k.page IS NOT NULL OR k.until_at < k.began_at THEN k.next_at
        ELSE greatest(k.next_at, k.began_at + k.every) END
$$;

-- Opens the next window of a walk: from where the hindmost of its feeds is, and an hour before, because a
-- call is listed by its beginning and may take long; at most eight days, so that pages do not get deep.
-- CallRail keeps 25 months, and refuses to be asked for more.
CREATE FUNCTION fn.callrail_open(p_walk bigint) RETURNS void
LANGUAGE sql AS $$
    UPDATE callrail_walks SET page = 1, odd = 0, began_at = n.present, from_at = n.behind - interval '1 hour',
            until_at = least(n.present, n.behind + interval '8 days')
        FROM (SELECT now.present, least(now.present, greatest(now.present - interval '24 months',
                (SELECT min(polled_until) FROM callrail_feeds WHERE walk_id = p_walk))) AS behind
            FROM (SELECT clock_timestamp() AS present) now) n
        WHERE walk_id = p_walk
$$;

-- Leases at most p_limit accounts that are due, for 60 s, each with the one question that it is to be asked:
-- the walk that has waited longest. It is asked for a day more on both sides of the window, because nobody
-- knows in which zone CallRail reads a time.
CREATE FUNCTION fn.callrail_turn(p_limit integer)
RETURNS TABLE (account_id text, lease bigint, company_id text, api_key text, from_us bigint, until_us bigint,
    page integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
    v_given integer := 0;
    d record;
    k callrail_walks;
BEGIN
    FOR d IN SELECT k.account_id, k.walk_id FROM callrail_walks k JOIN callrail_accounts a USING (account_id)
            WHERE a.next_at <= v_now AND a.leased_until <= v_now AND fn.callrail_due(k) <= v_now
            ORDER BY k.asked_at LOOP
        EXIT WHEN v_given >= p_limit;
        PERFORM FROM callrail_accounts a WHERE a.account_id = d.account_id AND a.next_at <= v_now
            AND a.leased_until <= v_now FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        SELECT * INTO k FROM callrail_walks o WHERE o.walk_id = d.walk_id; -- as it is, now that it is ours
        CONTINUE WHEN NOT FOUND OR fn.callrail_due(k) > v_now;
        SELECT min(w.api_key) INTO api_key FROM fn.callrail_wanted(k) w;
        CONTINUE WHEN api_key IS NULL OR fn.callrail_spend(d.account_id, 0) > 0;
        IF k.page IS NULL THEN
            PERFORM fn.callrail_open(k.walk_id);
        END IF;
        UPDATE callrail_walks o SET asked_at = clock_timestamp() WHERE o.walk_id = k.walk_id RETURNING * INTO k;
        UPDATE callrail_accounts a SET lease = a.lease + 1, walk_id = k.walk_id,
                leased_until = clock_timestamp() + interval '60 s'
            WHERE a.account_id = d.account_id RETURNING a.lease INTO lease;
        account_id := d.account_id;
        company_id := nullif(k.company_id, '');
        from_us := extract(epoch FROM k.from_at - interval '1 day') * 1000000;
        until_us := extract(epoch FROM k.until_at + interval '1 day') * 1000000;
        page := k.page;
        v_given := v_given + 1;
        RETURN NEXT;
    END LOOP;
END $$;

-- ---- what is made of a page ----

-- The workspaces that are to have the page, for the holder of the newest lease, which lasts anew. Who wants
-- it no more since then has missed it.
CREATE FUNCTION fn.callrail_takers(p_account text, p_lease bigint) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    k callrail_walks;
BEGIN
    UPDATE callrail_accounts SET leased_until = clock_timestamp() + interval '60 s'
        WHERE account_id = p_account AND lease = p_lease;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT w.* INTO k FROM callrail_accounts a JOIN callrail_walks w USING (walk_id)
        WHERE a.account_id = p_account;
    UPDATE callrail_feeds f SET joined_at = clock_timestamp() WHERE f.walk_id = k.walk_id
        AND f.workspace_id NOT IN (SELECT w.workspace_id FROM fn.callrail_wanted(k) w);
    RETURN QUERY SELECT w.workspace_id FROM fn.callrail_wanted(k) w ORDER BY 1;
END $$;

-- How many more calls a workspace may take in today; NULL: any number. Whoever takes some holds the locks,
-- so that two do not both take the last one.
CREATE FUNCTION fn.callrail_room(p_workspace text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_day date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    v_total bigint := fn.setting(p_workspace, 'integrations.callrail.max_total_calls')::bigint;
    v_own bigint := fn.setting(p_workspace, 'integrations.callrail.max_calls_per_workspace')::bigint;
BEGIN
    IF v_total IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('callrail_total'));
        v_total := v_total - (SELECT coalesce(sum(calls), 0) FROM callrail_days WHERE day = v_day);
    END IF;
    INSERT INTO callrail_days AS d (day, workspace_id, calls) VALUES (v_day, p_workspace, 0)
        ON CONFLICT (day, workspace_id) DO UPDATE SET calls = d.calls;
    RETURN least(v_total, v_own - (SELECT calls FROM callrail_days
        WHERE day = v_day AND workspace_id = p_workspace));
END $$;

-- A call that was taken in when there was nothing to hear or to read yet: now there is.
CREATE FUNCTION fn.callrail_late(p_job bigint, p_workspace text, p_duration integer, p_url text,
    p_items jsonb, p_room bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    j jobs;
BEGIN
    UPDATE jobs SET recording_url = p_url, items = p_items, duration_seconds = p_duration,
            updated_at = clock_timestamp()
        WHERE job_id = p_job AND workspace_id = p_workspace AND status = 'skipped' AND source = 'callrail'
            AND recording_url IS NULL AND items IS NULL RETURNING * INTO j;
    IF NOT FOUND OR j.skipped_reason <> 'no_recording' THEN
        RETURN false; -- who skipped it for another reason may queue it now
    END IF;
    PERFORM fn.job_move(p_job, p_workspace, 'queued', 'The recording has come.');
    IF p_room <= 0 THEN
        PERFORM fn.job_move(p_job, p_workspace, 'skipped', 'rate_limit');
    END IF;
    RETURN p_room IS NULL OR p_room > 0;
END $$;

-- Takes a page of calls into a workspace: p_calls is [{id, start, duration, url, items, metadata}].
-- What is there already stays; what is not over yet is taken when it is. How many are to be worked on; NULL:
-- the lease is not the newest.
CREATE FUNCTION fn.callrail_take(p_account text, p_lease bigint, p_workspace text, p_calls jsonb) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_all boolean := coalesce(fn.setting(p_workspace, 'integrations.callrail.skip_all_on_ingest'), 'false');
    v_since timestamptz;
    v_asked boolean := false; -- for the room
    v_room bigint;
    v_count bigint := 0;
    v_in boolean;
    v_skip text;
    c record;
BEGIN
    SELECT f.since INTO v_since FROM callrail_accounts a JOIN callrail_walks k USING (walk_id)
        JOIN callrail_feeds f ON f.walk_id = k.walk_id AND f.workspace_id = p_workspace
        WHERE a.account_id = p_account AND a.lease = p_lease FOR SHARE OF a;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    FOR c IN SELECT x.id, x.duration, x.url, x.items, x.metadata, j.job_id, j.known
            FROM jsonb_to_recordset(p_calls) x (id text, start timestamptz, duration integer, url text,
                items jsonb, metadata jsonb)
            LEFT JOIN jobs j ON j.workspace_id = p_workspace AND j.external_id = x.id
            WHERE x.duration IS NOT NULL AND x.start >= v_since AND (j.job_id IS NULL OR NOT j.known
                OR j.status = 'skipped' AND j.source = 'callrail' AND j.recording_url IS NULL
                    AND j.items IS NULL AND num_nonnulls(x.url, x.items) > 0)
            ORDER BY x.start, x.id LOOP
        IF NOT v_asked THEN
            v_room := fn.callrail_room(p_workspace);
            v_asked := true;
        END IF;
        IF c.known THEN
            v_in := fn.callrail_late(c.job_id, p_workspace, c.duration, c.url, c.items, v_room - v_count);
        ELSE
            v_skip := CASE WHEN v_all THEN 'skip_all_on_ingest'
                WHEN num_nonnulls(c.url, c.items) = 0 THEN 'no_recording'
                WHEN v_room <= v_count THEN 'rate_limit' END;
            SELECT i.created AND v_skip IS NULL INTO v_in FROM fn.job_ingest(p_workspace, 'callrail', c.id,
                c.duration, c.url, c.items, c.metadata, v_skip) i;
        END IF;
        v_count := v_count + v_in::integer;
    END LOOP;
    IF v_count > 0 THEN
        INSERT INTO callrail_days AS d (day, workspace_id, calls)
            VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, p_workspace, v_count)
            ON CONFLICT (day, workspace_id) DO UPDATE SET calls = d.calls + excluded.calls;
    END IF;
    RETURN v_count;
END $$;

-- The page has been taken by all: on to the next, or (p_last) to the end of the window. p_odd entries of it
-- could not be read. False: the lease is not the newest.
CREATE FUNCTION fn.callrail_turned(p_account text, p_lease bigint, p_last boolean, p_odd integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_walk bigint;
    k callrail_walks;
BEGIN
    UPDATE callrail_accounts SET leased_until = '-infinity', failures = 0, error = NULL
        WHERE account_id = p_account AND lease = p_lease RETURNING walk_id INTO v_walk;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE callrail_walks SET page = CASE WHEN NOT p_last THEN page + 1 END, odd = odd + p_odd, failures = 0,
            status = NULL, error = NULL,
            done_at = CASE WHEN p_last AND until_at >= began_at THEN began_at ELSE done_at END
        WHERE walk_id = v_walk RETURNING * INTO k;
    UPDATE callrail_feeds SET polled_until = greatest(polled_until, k.until_at)
        WHERE p_last AND walk_id = k.walk_id AND joined_at <= k.began_at;
    RETURN true;
END $$;

-- ---- what is made of a refusal ----

-- How long an account is left alone: minutes after a 429, seconds after anything else that passes, twice as
-- long with each one more, up to an hour and ten minutes.
CREATE FUNCTION fn.callrail_pause(p_account text, p_status integer, p_retry_after_s integer, p_error text)
RETURNS void LANGUAGE sql AS $$
    UPDATE callrail_accounts SET failures = failures + 1, error = p_error,
            next_at = greatest(next_at, clock_timestamp() + greatest(p_retry_after_s,
                CASE p_status WHEN 429 THEN least(3600, 240 * 2 ^ least(failures, 8))
                    ELSE least(600, 10 * 2 ^ least(failures, 8)) END * (0.5 + random() / 2)) * interval '1 s')
        WHERE account_id = p_account
$$;

-- The question was not answered. p_useless: it will not be as it is, so this key is refused, and others of
-- the account go on; it is tried again after a minute, then after twice as long each time, up to an hour.
CREATE FUNCTION fn.callrail_failed(p_account text, p_lease bigint, p_useless boolean, p_status integer,
    p_retry_after_s integer, p_error text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_walk bigint;
BEGIN
    UPDATE callrail_accounts SET leased_until = '-infinity' WHERE account_id = p_account AND lease = p_lease
        RETURNING walk_id INTO v_walk;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p_useless THEN
        UPDATE callrail_walks SET page = NULL, failures = failures + 1, status = p_status, error = p_error,
                next_at = clock_timestamp()
                    + least(3600, 60 * 2 ^ least(failures, 8)) * (0.5 + random() / 2) * interval '1 s'
            WHERE walk_id = v_walk;
    ELSE
        PERFORM fn.callrail_pause(p_account, p_status, p_retry_after_s, p_error);
    END IF;
    RETURN true;
END $$;

-- What is wrong with accounts now, in sentences; status is that of a key's refusal, else 0.
CREATE FUNCTION fn.callrail_troubles()
RETURNS TABLE (account_id text, workspace_id text, status integer, error text)
LANGUAGE sql STABLE AS $$
    SELECT k.account_id, min(f.workspace_id), coalesce(k.status, 0), coalesce(k.error, a.error,
            k.odd || ' entries of its list could not be read')
    FROM callrail_walks k JOIN callrail_accounts a USING (account_id)
        JOIN callrail_feeds f ON f.walk_id = k.walk_id
    WHERE k.failures > 0 OR a.failures > 0 OR k.odd > 0
    GROUP BY k.walk_id, k.account_id, k.status, k.error, a.error, k.odd ORDER BY 1, 2
$$;
