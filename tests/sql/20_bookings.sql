-- Bookings: what the end of a call makes of what was asked for and learnt; and that no slot, however
-- odd, keeps a call from ending.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2'), t.lead();

-- A call of that kind and those slots, talked to its end with a verdict; its id.
CREATE FUNCTION pg_temp.talk(p_kind text, p_slots json, p_verdict call_outcome,
    p_learnt json DEFAULT NULL, p_ws text DEFAULT 'ws1') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_call text := t.call(p_ws);
    v_sid text;
BEGIN
    UPDATE calls SET kind = p_kind, parsed_slots = p_slots WHERE call_id = v_call;
    v_sid := t.answered(v_call);
    PERFORM fn.agent_hear(v_call, NULL, v_sid, 0, '', NULL, 1800);
    PERFORM fn.agent_said(v_call, 0, 'Hello.', '<x/>', p_verdict, 'Said so.', p_learnt);
    PERFORM t.news(v_call, v_sid, 'completed', 10);
    RETURN v_call;
END $$;

CREATE FUNCTION pg_temp.booked(p_call text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('|', b.type, fn.booking_status(b), b.booking_date, b.has_time, b.guests,
        b.booking_holder_name, b.contact_phone, b.venue_name, b.details, b.refusal_reason)
    FROM bookings b WHERE b.call_id = p_call
$$;

-- ---- what is made ----
CREATE TEMP TABLE a AS SELECT pg_temp.talk('restaurant_booking', '{"restaurant_phone": "+1",
    "party_size": 4, "date": "2096-12-24", "time": "19:30", "name": "Ann", "phone_to_dictate":
    "+12025550199", "venue_name": "Luigi"}', 'success_booked') AS call_id;
SELECT is(pg_temp.booked(call_id), 'restaurant|active|2096-12-24 19:30:00|t|4|Ann|+12025550199|Luigi',
    'an agreed table') FROM a;
SELECT is((SELECT b.workspace_id || b.target_phone || b.language FROM bookings b JOIN a USING (call_id)),
    (SELECT c.workspace_id || c.target_phone || c.language FROM calls c JOIN a USING (call_id)),
    'takes the rest from its call');
SELECT is(t.outcome(call_id), 'completed success_booked', 'which has ended') FROM a;
SELECT is(pg_temp.booked(pg_temp.talk('doctor_appointment', '{"patient_name": "Ann", "reason": "A cold",
    "preferred_date": "2096-01-02"}', 'success_booked')),
    'doctor|active|2096-01-02 00:00:00|f|Ann|A cold', 'an appointment without an hour');
SELECT is(pg_temp.booked(pg_temp.talk('hotel_booking', '{"check_in": "2096-01-02", "check_out":
    "2096-01-05", "guests": 2, "rooms": 1, "name": "Ann", "wishes": "quiet"}', 'success_booked')),
    'hotel|active|2096-01-02 00:00:00|f|2|Ann|until 2096-01-05; rooms: 1; quiet', 'a room');
SELECT is(pg_temp.booked(pg_temp.talk('other', NULL, 'success_booked')), 'other|active|f',
    'a call that said nothing of what it is for');
SELECT is(pg_temp.booked(pg_temp.talk('concierge', '{"request": "A coat"}', 'success_booked')),
    'other|active|f|A coat', 'a request');

-- ---- what the agent learnt ----
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', '{"date": "2096-12-24", "time": "19:30"}',
    'success_booked', '{"time": "21:00"}')),
    'restaurant|pending_user_confirm|2096-12-24 21:00:00|t', 'another time is to be confirmed');
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', '{"date": "2096-12-24", "time": "19:30"}',
    'success_booked', '{"time": "19:30", "venue_name": "Luigi", "details": "Table 7", "guests": 3}')),
    'restaurant|active|2096-12-24 19:30:00|t|3|Luigi|Table 7', 'the same time is not');
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', '{"date": "2096-12-24"}',
    'success_booked', '{"pending": "yes"}')),
    'restaurant|pending_user_confirm|2096-12-24 00:00:00|f', 'a yes under a condition');
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', '{"date": "2096-12-24", "time": "19:30"}',
    'success_refused', '{"refusal_reason": "We are fully booked."}')),
    'restaurant|cancelled|2096-12-24 19:30:00|t|We are fully booked.', 'a refusal has its reason');
SELECT is(pg_temp.booked(pg_temp.talk('doctor_appointment', '{}', 'success_refused')),
    'doctor|cancelled|f|Said so.', 'or what the agent says of it');

-- ---- what makes none ----
SELECT is(pg_temp.booked(pg_temp.talk('other', '{}', 'success_refused')), NULL,
    'a refusal of what was no booking');
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', '{}', 'success_no_booking')), NULL,
    'no verdict');
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', '{}', 'failed_voicemail')), NULL, 'a machine');
SELECT t.call('ws1') AS call_id INTO TEMP TABLE k;
SELECT fn.call_cancel('ws1', call_id) FROM k;
SELECT is(pg_temp.booked(call_id), NULL, 'a cancelled call') FROM k;

-- ---- slots of any kind ----
SELECT is(pg_temp.booked(pg_temp.talk('restaurant_booking', slots::json, 'success_booked')), wanted, slots)
FROM (VALUES ('{"date": "2096-02-31", "time": "19:30"}', 'restaurant|active|f'),
    ('{"date": "0000-01-01"}', 'restaurant|active|f'),
    ('{"date": "9999-12-31", "time": "23:59:59"}', 'restaurant|active|9999-12-31 23:59:59|t'),
    ('{"date": "24.12.2096", "time": "7 pm"}', 'restaurant|active|f'),
    ('{"date": 20961224, "time": 1930}', 'restaurant|active|f'),
    ('{"date": {"y": 1}, "time": [], "guests": {}, "name": ["Ann"]}', 'restaurant|active|f'),
    ('{"date": null, "guests": null, "name": null}', 'restaurant|active|f'),
    ('{"date": "2096-12-24", "time": "24:00"}', 'restaurant|active|2096-12-24 00:00:00|f'),
    ('{"guests": 100000}', 'restaurant|active|f'), ('{"guests": -1}', 'restaurant|active|f'),
    ('{"guests": 1e999}', 'restaurant|active|f'), ('{"guests": 2.5}', 'restaurant|active|f'),
    ('{"guests": "٣"}', 'restaurant|active|f'), ('{"party_size": "3"}', 'restaurant|active|f|3'),
    ('{"name": "  "}', 'restaurant|active|f'), ('{"name": true}', 'restaurant|active|f'),
    ('[]', 'restaurant|active|f'), ('"x"', 'restaurant|active|f'), ('1', 'restaurant|active|f'))
    v (slots, wanted);
CREATE TEMP TABLE l AS SELECT pg_temp.talk('hotel_booking', json_build_object('name', repeat('n', 9000),
    'reason', repeat('r', 9000), 'wishes', repeat('w', 9000), 'hotel_name', repeat('h', 9000),
    'phone_to_dictate', repeat('1', 900)), 'success_booked') AS call_id;
SELECT is(length(b.booking_holder_name || b.details || b.venue_name || b.contact_phone),
    200 + 1002 + 200 + 64, 'long texts are cut') FROM bookings b JOIN l USING (call_id);

-- ---- when it is past ----
SELECT is(fn.booking_status(b), wanted::booking_status, concat_ws(' ', b.status, b.booking_date, b.has_time))
FROM (VALUES ('active', interval '1 hour', true, 'active'), ('active', interval '-1 second', true, 'past'),
    ('pending_user_confirm', interval '-1 second', true, 'past'),
    ('cancelled', interval '-1 year', true, 'cancelled'),
    ('active', interval '-23 hours', false, 'active'), ('active', interval '-25 hours', false, 'past'))
    v (status, since, has_time, wanted)
CROSS JOIN LATERAL (SELECT (gen_random_uuid(), 'ws1', NULL, 'other', v.status, '+1', NULL,
    clock_timestamp() AT TIME ZONE 'UTC' + v.since, v.has_time, NULL, NULL, NULL, NULL, 'en', NULL,
    now(), now())::bookings AS b) x
CROSS JOIN LATERAL (SELECT (x.b).*) b;

-- ---- cancelling ----
CREATE FUNCTION pg_temp.cancel(p_booking text, p_verdict call_outcome, p_ws text DEFAULT 'ws1')
RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.talk('restaurant_cancel', json_build_object('booking_id', p_booking), p_verdict, NULL,
        p_ws)
$$;
CREATE TEMP TABLE b AS SELECT booking_id::text AS id FROM bookings JOIN a USING (call_id);
SELECT is(pg_temp.booked(pg_temp.cancel(id, 'success_refused')), NULL, 'a refused cancellation') FROM b;
SELECT matches(pg_temp.booked(call_id), '^restaurant.active', 'changes nothing') FROM a;
SELECT pg_temp.cancel(id, 'success_booked', 'ws2') FROM b;
SELECT matches(pg_temp.booked(call_id), '^restaurant.active', 'nor does another workspace''s') FROM a;
SELECT is(t.outcome(pg_temp.cancel(odd, 'success_booked')), 'completed success_booked',
    'a call about ' || coalesce(odd, 'none') || ' ends')
FROM (VALUES (NULL), ('nonsense'), (''), ('0b6f5c1e-8f43-4c55-9d0e-3c8c1f1f7a10')) v (odd);
SELECT is(pg_temp.booked(pg_temp.cancel(upper(id), 'success_booked')), NULL,
    'an agreed cancellation books nothing') FROM b;
SELECT matches(pg_temp.booked(call_id), '^restaurant.cancelled', 'and ends the booking') FROM a;
SELECT ok(updated_at > created_at, 'which says when') FROM bookings JOIN a USING (call_id);

-- ---- foretelling ----
CREATE FUNCTION pg_temp.foretell(p_ws text, p_key text DEFAULT NULL, p_body text DEFAULT 'body',
    p_named text DEFAULT NULL, p_scope text DEFAULT 'workspace') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('|', result, status, body) FROM fn.call_foretell(NULL, p_scope, p_ws, false,
        p_named, p_key, 'POST /calls', sha256(p_body::bytea), 1)
$$;
SELECT t.workspace('poor', 0);
SELECT is(pg_temp.foretell('ws1'), 'accepted', 'nothing is in the way');
SELECT is(pg_temp.foretell('nobody'), 'unauthenticated', 'nobody we know');
SELECT is(pg_temp.foretell('default', p_scope => 'organization'), 'workspace_missing', 'no workspace');
SELECT is(pg_temp.foretell('default', p_scope => 'organization', p_named => 'none'), 'workspace_unknown',
    'an unknown one');
SELECT is(pg_temp.foretell('poor'), 'no_credit', 'no credits');
SELECT t.accept('ws1', 'key');
SELECT matches(pg_temp.foretell('ws1', 'key'), '^replay.202.\{"call_id"', 'a key that was used');
SELECT matches(pg_temp.foretell('ws1', 'key', 'other'), '^conflict', 'for something else');
SELECT is(pg_temp.foretell('ws1', 'new'), 'accepted', 'a new key');
SELECT is_empty($$SELECT FROM idempotency_keys WHERE key = 'new'$$, 'is not taken');
UPDATE idempotency_keys SET status = NULL, body = NULL WHERE key = 'key';
SELECT is(pg_temp.foretell('ws1', 'key'), 'in_progress', 'still at work');
UPDATE idempotency_keys SET created_at = created_at - interval '61 s' WHERE key = 'key';
SELECT is(pg_temp.foretell('ws1', 'key'), 'state_unknown', 'its worker died');
UPDATE idempotency_keys SET created_at = created_at - interval '1 day' WHERE key = 'key';
SELECT is(pg_temp.foretell('ws1', 'key'), 'accepted', 'a key is free after a day');
SELECT fn.maintenance_on('Back soon.', NULL);
SELECT matches(pg_temp.foretell('poor'), '^maintenance.*Back soon', 'maintenance comes before credits');
SELECT is((SELECT body FROM t.accept('ws1')), fn.maintenance_answer(), 'in the words of an acceptance');

SELECT is_empty('SELECT t.broken()', 'nothing is broken');

SELECT fn.maintenance_off();

-- ---- what is kept when the call is forgotten ----
CREATE TEMP TABLE f AS SELECT pg_temp.talk('other', '{"date": "2096-01-01"}', 'success_booked') AS future,
    pg_temp.talk('other', '{"date": "2020-01-01"}', 'success_booked') AS gone;
ALTER TABLE credit_ledger DISABLE TRIGGER credit_ledger_keep;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE calls SET ended_at = clock_timestamp() - interval '100 days' FROM f WHERE call_id IN (future, gone);
CREATE TEMP TABLE g AS SELECT (SELECT booking_id FROM bookings WHERE call_id = future) AS future,
    (SELECT booking_id FROM bookings WHERE call_id = gone) AS gone FROM f;
SELECT is((SELECT count(*) FROM fn.forget_calls(93, 100)), 2::bigint, 'both calls are forgotten');
SELECT is((SELECT call_id IS NULL FROM bookings JOIN g ON booking_id = future), true,
    'what is still to come stays, without its call');
SELECT is_empty('SELECT FROM bookings JOIN g ON booking_id = gone', 'what is past goes');
SELECT * FROM finish();
ROLLBACK;
