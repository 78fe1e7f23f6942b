-- Who takes the lead, and what is kept of a holder that may still have been alive.
BEGIN;
SELECT no_plan();
CREATE FUNCTION pg_temp.take(p_host text, p_doubtful boolean) RETURNS bigint LANGUAGE sql AS $$
    SELECT fn.pacer_take(epoch, p_host, 1, 1, 10, p_doubtful) FROM pacer
$$;

UPDATE pacer SET doubted_at = NULL;
SELECT isnt(pg_temp.take('one', false), NULL, 'the first takes it');
SELECT is((SELECT doubted_at FROM pacer), NULL, 'from nobody of whom to beware');
SELECT isnt(pg_temp.take('two', true), NULL, 'from one that may be alive');
SELECT ok((SELECT doubted_at BETWEEN now() AND clock_timestamp() FROM pacer), 'that is kept');
CREATE TEMP TABLE doubt AS SELECT doubted_at FROM pacer;
SELECT is(fn.pacer_take((SELECT epoch - 1 FROM pacer), 'late', 1, 1, 10, true), NULL,
    'somebody was quicker');
SELECT is((SELECT doubted_at FROM pacer), (SELECT doubted_at FROM doubt), 'who came too late changes nothing');
SELECT fn.pacer_release((SELECT epoch FROM pacer));
SELECT is((SELECT doubted_at FROM pacer), (SELECT doubted_at FROM doubt), 'laid down: kept');
SELECT isnt(pg_temp.take('three', false), NULL, 'its successor need not beware of it');
SELECT is((SELECT doubted_at FROM pacer), (SELECT doubted_at FROM doubt), 'but of whom it had to beware');
SELECT isnt(pg_temp.take('four', true), NULL, 'and again one that may be alive');
SELECT ok((SELECT p.doubted_at > d.doubted_at FROM pacer p, doubt d), 'counts from now');
SELECT * FROM finish();
ROLLBACK;
