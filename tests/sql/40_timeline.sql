-- The database has another history than the leader before has seen: what waits may have been dialed.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1');
CREATE FUNCTION pg_temp.take() RETURNS bigint LANGUAGE sql AS
    $$ SELECT fn.pacer_take((SELECT epoch FROM pacer), 'host', 1, 1, 10) $$;
CREATE TEMP VIEW stops AS SELECT workspace_id || guarded AS stop FROM dialing_stops;

SELECT matches(fn.timeline(), '^\d+/[0-9A-F]{8}$', 'a history is a cluster and a timeline');
SELECT is((SELECT timeline FROM pacer), NULL, 'nobody has led yet');
SELECT cmp_ok(pg_temp.take(), '>', 0::bigint, 'the first leads');
SELECT is((SELECT timeline FROM pacer), fn.timeline(), 'and writes down by which history');
SELECT is_empty('SELECT * FROM stops', 'which stops nothing');
SELECT pg_temp.take();
SELECT is_empty('SELECT * FROM stops', 'nor does the next, by the same');

-- Put back, or a standby was promoted that need not have had all.
UPDATE pacer SET timeline = '1/00000009';
SELECT is(fn.pacer_take(-1, 'host', 1, 1, 10), NULL, 'who was too late');
SELECT is_empty('SELECT * FROM stops', 'stops nothing');
SELECT cmp_ok(pg_temp.take(), '>', 0::bigint, 'another history has a leader');
SELECT results_eq('SELECT stop FROM stops', $$VALUES ('true')$$, 'who dials nothing');
SELECT is((SELECT result FROM t.claim(t.call('ws1'))), 'stopped', 'what waits goes on waiting');
SELECT fn.dialing_start(NULL);
SELECT pg_temp.take();
SELECT is_empty('SELECT * FROM stops', 'somebody knows better, and is not asked twice');

-- The operator's own stop becomes this one, or starting after it would be starting blindly.
SELECT fn.dialing_stop(NULL, 'for the night');
UPDATE pacer SET timeline = '1/00000009';
SELECT pg_temp.take();
SELECT results_eq('SELECT stop FROM stops', $$VALUES ('true')$$, 'stopped for more than the night');
UPDATE pacer SET timeline = '1/00000009';
SELECT fn.reconciled();
SELECT is_empty('SELECT * FROM stops', 'the carrier has been asked');
SELECT pg_temp.take();
SELECT is_empty('SELECT * FROM stops', 'of this history');
SELECT fn.dialing_stop(NULL, 'for the night');
SELECT fn.reconciled();
SELECT results_eq('SELECT stop FROM stops', $$VALUES ('false')$$, 'the operator''s own stop stays');
SELECT fn.dialing_start(NULL);

-- A standby that had each commit before it was acknowledged.
UPDATE pacer SET timeline = '1/00000009', replicated = true;
SELECT pg_temp.take();
SELECT is_empty('SELECT * FROM stops', 'nothing is missing');
SELECT is((SELECT replicated FROM pacer), false, 'from here on something might be');
UPDATE pacer SET replicated = true;
SELECT ok(fn.pacer_seen((SELECT epoch FROM pacer), 10), 'a sign of life');
SELECT is((SELECT replicated FROM pacer), false, 'says how it stands');

SELECT * FROM finish();
ROLLBACK;
