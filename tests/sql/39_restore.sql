-- After a restore: who leads is deposed for good, and a call that the carrier has is not dialed again.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.lead();
CREATE TEMP TABLE old AS SELECT epoch FROM pacer;

SELECT ok(NOT fn.restored(), 'refused while somebody leads');
UPDATE pacer SET seen_at = clock_timestamp() - interval '11 s';
SELECT ok(fn.restored(), 'whose last sign of life is old leads no more');
SELECT cmp_ok(p.epoch, '>', old.epoch + 999999, 'no epoch of the lost time is given again') FROM pacer p, old;
SELECT ok(doubted_at > clock_timestamp() - interval '1 s' AND seen_at IS NULL, 'the next leader is careful') FROM pacer;
CREATE TEMP TABLE first AS SELECT t.call('ws1') AS call_id;
SELECT is((SELECT result FROM t.claim(call_id, p_epoch => epoch)), 'deposed', 'an old one gets nothing') FROM old, first;
SELECT fn.call_cancel('ws1', call_id) FROM first;
UPDATE pacer SET seen_at = NULL;
SELECT ok(fn.restored(), 'nor does one that has laid the lead down stand in the way');

-- Three calls to one number in the order in which they are dialed: one is under way, one waits, one has a time.
CREATE TEMP TABLE c AS SELECT t.call('ws1', p_phone => '+15550001111') AS under_way,
    t.call('ws1', p_phone => '+15550001111') AS queued, t.call('ws1', p_phone => '+15550001111') AS asleep,
    t.call('ws1', p_phone => '+15550002222') AS dialed, t.call('ws1', p_phone => '+15550000000') AS other;
SELECT t.dialing(under_way), t.dialed(dialed) FROM c;
SELECT fn.call_sleep(x, clock_timestamp() + interval '1 hour') FROM calls x JOIN c ON x.call_id = c.asleep;
SELECT is((SELECT array_agg(d.call_id) FROM fn.restored_doubts() d), ARRAY[other, under_way, queued, asleep],
    'those to a number beside each other, the dial that is under way first') FROM c;

CREATE TEMP TABLE s AS SELECT t.sid() AS a, t.sid() AS b, t.sid() AS d;
SELECT ok(fn.restored_bind(under_way, a), 'a dial under way') FROM c, s;
SELECT is((t.attempt(under_way)).call_sid, a, '… has its sid, and no second attempt') FROM c, s;
SELECT is((SELECT count(*)::integer FROM attempts WHERE call_id = under_way), 1) FROM c;
SELECT ok(NOT fn.restored_bind(queued, a), 'a sid is one call''s') FROM c, s;
SELECT ok(fn.restored_bind(queued, b), 'one that waits') FROM c, s;
SELECT is(t.status(queued), 'dialing') FROM c;
SELECT is((SELECT result FROM t.claim(queued)), 'gone', '… is not dialed') FROM c;
SELECT ok((t.attempt(queued)).state = 'live' AND (t.attempt(queued)).check_at <= clock_timestamp(),
    '… and the carrier is asked at once') FROM c;
SELECT ok(NOT fn.restored_bind(queued, d), 'a call has one sid') FROM c, s;
SELECT ok(fn.restored_bind(asleep, d), 'one that sleeps') FROM c, s;
SELECT is((SELECT count(*)::integer FROM call_schedule), 0, '… wakes no more');
SELECT is(t.news(asleep, d, 'busy'), 'taken') FROM c, s;
SELECT is(t.outcome(asleep), 'failed failed_busy', '… and ends as the carrier says') FROM c;
SELECT ok(NOT fn.restored_bind(asleep, t.sid()), 'one that has ended') FROM c;
SELECT * FROM finish();
ROLLBACK;
