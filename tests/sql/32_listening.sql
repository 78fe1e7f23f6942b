-- Live listening: who may, what is open to it, tickets that are good once, and what the owner is told.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2'), t.lead();

CREATE FUNCTION pg_temp.hash(p_word text) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(p_word::bytea)
$$;
-- A call that is talked in real time on a machine, behind a door.
CREATE FUNCTION pg_temp.talking(p_ws text, p_host text DEFAULT 'here', p_door text DEFAULT 'door')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_call text := t.call(p_ws);
    v_sid text := t.dialed(v_call);
BEGIN
    PERFORM fn.voice_offer(v_call, NULL, v_sid, NULL, 1800, pg_temp.hash(v_call));
    PERFORM fn.voice_begin(v_call, v_sid, pg_temp.hash(v_call), p_host, p_door);
    RETURN v_call;
END $$;
-- What a key is told.
CREATE FUNCTION pg_temp.ask(p_key text, p_call text, p_act text DEFAULT 'look', p_ticket text DEFAULT NULL,
    p_workspace text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(stand, 'no call') || coalesce(' ' || door, '') || CASE WHEN expires_at IS NULL THEN ''
        ELSE ' until' END
    FROM fn.listening_ask(pg_temp.hash(p_key), NULL, NULL, NULL, p_workspace, p_call, 'here', NULL, p_act,
        pg_temp.hash(p_ticket))
$$;
CREATE FUNCTION pg_temp.take(p_ticket text, p_call text, p_open boolean DEFAULT true) RETURNS text
LANGUAGE sql AS $$
    SELECT coalesce(stand, '-') || coalesce(' ' || door, '')
    FROM fn.listening_take(pg_temp.hash(p_ticket), p_call, 'here', p_open)
$$;
CREATE FUNCTION pg_temp.noted(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg((data->>'decision') || ': ' || (data->>'text'), ' / ' ORDER BY event_id)
    FROM call_events WHERE call_id = p_call AND event_type = 'supervisor'
$$;

SELECT t.key('admin', 'workspace', 'ws1', true), t.key('plain', 'workspace', 'ws1'),
    t.key('other', 'workspace', 'ws2', true), t.key('above', 'organization', 'default', true),
    t.key('crown', 'platform', 'platform', true);
CREATE TEMP TABLE a AS SELECT pg_temp.talking('ws1') AS call_id;

-- The setting, at each level.
SELECT is(pg_temp.ask('admin', call_id), 'forbidden door', 'nobody has allowed it') FROM a;
SELECT fn.config_patch('platform', 'default', '{"voice.live_listening": true}');
SELECT is(pg_temp.ask('admin', call_id), 'open door', 'the platform') FROM a;
SELECT fn.config_patch('partner', 'default', '{"voice.live_listening": false}');
SELECT is(pg_temp.ask('admin', call_id), 'forbidden door', 'the partner') FROM a;
SELECT fn.config_patch('organization', 'default', '{"voice.live_listening": true}');
SELECT is(pg_temp.ask('admin', call_id), 'open door', 'the organization') FROM a;
SELECT fn.config_patch('workspace', 'ws1', '{"voice.live_listening": false}');
SELECT is(pg_temp.ask('admin', call_id), 'forbidden door', 'the workspace') FROM a;
SELECT is(pg_temp.ask('admin', call_id, 'open'), 'forbidden door', 'when it is opened') FROM a;
SELECT is(pg_temp.ask('admin', call_id, 'ticket', 'no'), 'forbidden door', 'and no ticket is made') FROM a;
SELECT is((SELECT count(*) FROM listening_tickets), 0::bigint, 'none');
SELECT fn.config_patch('workspace', 'ws1', '{"voice.live_listening": true}');

-- Who may.
SELECT is(pg_temp.ask('admin', call_id), 'open door', 'an admin') FROM a;
SELECT is(pg_temp.ask('plain', call_id), 'admins', 'who is none') FROM a;
SELECT is(pg_temp.ask('other', call_id), 'no call', 'another customer''s') FROM a;
SELECT is(pg_temp.ask('admin', 'call_unknown'), 'no call', 'the same as one that is not there');
SELECT is(pg_temp.ask('plain', 'call_unknown'), 'no call', 'for everybody');
SELECT is(pg_temp.ask('nobody', call_id), NULL, 'no key') FROM a;
SELECT is(pg_temp.ask('above', call_id), 'open door', 'from above') FROM a;
SELECT is(pg_temp.ask('crown', call_id), 'open door', 'from the top') FROM a;
SELECT is(pg_temp.ask('crown', call_id, 'look', NULL, 'ws1'), 'open door', '… in the workspace') FROM a;
SELECT is(pg_temp.ask('crown', call_id, 'look', NULL, 'ws2'), 'no call', '… in another') FROM a;
SELECT is(pg_temp.noted(call_id), NULL, 'who only asks has not listened') FROM a;
SELECT is(pg_temp.ask('admin', call_id, 'open'), 'open door', 'who listens …') FROM a;
SELECT is(pg_temp.noted(call_id), 'live_listening: id-admin has begun to listen to the call.', 'is named')
    FROM a;
SELECT is((SELECT stand FROM fn.listening_ask(NULL, 'workspace', 'ws1', true, NULL, call_id, 'here', 'gw-7',
    'open', NULL)), 'open', 'by a gateway') FROM a;
SELECT ok(pg_temp.noted(call_id) LIKE '%/ live_listening: gw-7 has begun%', 'as the gateway knows him') FROM a;

-- What is open to it.
CREATE TEMP TABLE b AS SELECT t.call('ws1') AS call_id;
SELECT is(pg_temp.ask('admin', call_id), 'waits', 'nobody has answered') FROM b;
CREATE TEMP TABLE c AS SELECT call_id, t.dialed(call_id) AS sid FROM b;
SELECT is(pg_temp.ask('admin', call_id), 'waits', 'it rings') FROM c;
SELECT fn.voice_offer(call_id, NULL, sid, NULL, 1800, pg_temp.hash('c')) FROM c;
SELECT is(pg_temp.ask('admin', call_id), 'turns', 'no stream yet') FROM c;
SELECT fn.voice_begin(call_id, sid, pg_temp.hash('c'), 'here', NULL) FROM c;
SELECT is(pg_temp.ask('admin', call_id), 'closed', 'a loop without a door') FROM c;
SELECT is(pg_temp.ask('admin', pg_temp.talking('ws1', 'there')), 'elsewhere door', 'another machine');
CREATE TEMP TABLE d AS SELECT pg_temp.talking('ws1') AS call_id;
SELECT fn.voice_end(call_id, NULL, NULL, NULL, NULL) FROM d;
SELECT is(pg_temp.ask('admin', call_id), 'over door', 'the stream is over') FROM d;
SELECT t.news(call_id, sid, 'completed', 9) FROM c;
SELECT is(pg_temp.ask('admin', call_id), 'over', 'the call is') FROM c;
SELECT is(pg_temp.ask('admin', call_id, 'open'), 'over', 'and cannot be opened') FROM c;
SELECT is(pg_temp.noted(call_id), NULL, 'which is not noted') FROM c;

-- Tickets.
SELECT is(pg_temp.ask('admin', call_id, 'ticket', 'one'), 'open door until', 'a ticket') FROM a;
SELECT is((SELECT expires_at - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s'
    FROM listening_tickets), true, 'good for a minute');
SELECT is(pg_temp.take('two', call_id), NULL, 'another one is none') FROM a;
SELECT is(pg_temp.take('one', call_id), NULL, 'nor is it one for another call') FROM c;
SELECT is(pg_temp.take('one', call_id, false), 'open door', 'looked at') FROM a;
SELECT is(pg_temp.take('one', call_id), 'open door', 'taken') FROM a;
SELECT is(pg_temp.take('one', call_id), NULL, 'once') FROM a;
SELECT is(pg_temp.take('one', call_id, false), NULL, 'nothing is left to look at') FROM a;
SELECT ok(pg_temp.noted(call_id) LIKE '%gw-7%/ live_listening: id-admin has begun%', 'who asked for it is named')
    FROM a;
SELECT pg_temp.ask('admin', call_id, 'ticket', 'late') FROM a;
UPDATE listening_tickets SET expires_at = clock_timestamp();
SELECT is(pg_temp.take('late', call_id), NULL, 'too late') FROM a;
SELECT pg_temp.ask('admin', call_id, 'ticket', 'kept') FROM a;
SELECT fn.config_patch('workspace', 'ws1', '{"voice.live_listening": false}');
SELECT is(pg_temp.take('kept', call_id), 'forbidden door', 'the setting counts when it is shown') FROM a;
SELECT fn.config_patch('workspace', 'ws1', '{"voice.live_listening": true}');
UPDATE voice_streams SET host = 'there' WHERE call_id = (SELECT call_id FROM a);
SELECT is(pg_temp.take('kept', call_id), 'elsewhere door', 'on the wrong machine') FROM a;
UPDATE voice_streams SET host = 'here' WHERE call_id = (SELECT call_id FROM a);
UPDATE api_keys SET revoked_at = clock_timestamp() WHERE api_key_id = 'id-admin';
SELECT is(pg_temp.take('kept', call_id), NULL, 'its key was revoked') FROM a;
UPDATE api_keys SET revoked_at = NULL WHERE api_key_id = 'id-admin';
SELECT is(pg_temp.take('kept', call_id), 'open door', 'what is refused is not used up') FROM a;
SELECT is((SELECT count(*) FROM listening_tickets), 1::bigint, 'the late one lies there');
UPDATE listening_tickets SET expires_at = statement_timestamp() - interval '1 s';
SELECT is(fn.forget_listening_tickets(10), 1, 'until it is swept');
SELECT is((SELECT count(*) FROM listening_tickets), 0::bigint, 'nothing is left');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');
SELECT * FROM finish();
ROLLBACK;
