-- The audit log: every change of what operators keep is in it, by whom, without secrets, and it stays there.
BEGIN;
SELECT no_plan();

SELECT set_config('offhook.actor', 'user:ann@here', true);
CREATE TEMP TABLE mark AS SELECT coalesce(max(audit_id), 0) AS id FROM audit_log;
-- What was added since the last look, in short.
CREATE FUNCTION pg_temp.added() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_text text;
BEGIN
    SELECT string_agg(concat_ws(' ', actor, action, what, subject, workspace_id), ', ' ORDER BY audit_id)
        INTO v_text FROM audit_log WHERE audit_id > (SELECT id FROM mark);
    UPDATE mark SET id = (SELECT max(audit_id) FROM audit_log);
    RETURN v_text;
END $$;
CREATE FUNCTION pg_temp.last() RETURNS audit_log LANGUAGE sql AS $$
    SELECT a FROM audit_log a ORDER BY audit_id DESC LIMIT 1 $$;

SELECT fn.partner_create('acme', 'Acme');
SELECT is(pg_temp.added(), 'user:ann@here create partner acme', 'a partner');
SELECT fn.organization_create('acme-n', 'acme', 'North');
SELECT is(pg_temp.added(), 'user:ann@here create organization acme-n', 'an organization');
SELECT fn.workspace_create('aws', 'acme-n', 'W', 10, NULL);
SELECT is(pg_temp.added(), 'user:ann@here create workspace aws aws', 'a workspace');
SELECT is((pg_temp.last()).after->>'quota', '10', 'as it is now');
SELECT fn.workspace_change('aws', NULL, 20, NULL);
SELECT is(pg_temp.added(), 'user:ann@here change workspace aws aws', 'its change');
SELECT is((pg_temp.last()).before || '|'::text || (pg_temp.last()).after, '{"quota": 10}|{"quota": 20}',
    'what is different, before and after');
SELECT fn.workspace_change('aws', NULL, 20, NULL);
SELECT is(pg_temp.added(), NULL, 'what changes nothing is no change');
SELECT t.key('ohk_secret', 'workspace', 'aws');
SELECT is(pg_temp.added(), 'user:ann@here create api_key id-ohk_secret aws', 'a key');
SELECT is((pg_temp.last()).after ? 'key_hash', false, 'without its hash');
SELECT fn.key_revoke('id-ohk_secret');
SELECT is(pg_temp.added(), 'user:ann@here change api_key id-ohk_secret aws', 'its end');
SELECT fn.config_patch('workspace', 'aws', '{"integrations.callrail.api_key": "topsecretvalue1234"}');
SELECT is(pg_temp.added(), 'user:ann@here create setting workspace/aws/integrations.callrail.api_key aws', 'a setting');
SELECT is((pg_temp.last()).after->>'value', '…1234', 'a secret''s last four characters');
SELECT fn.config_patch('workspace', 'aws', '{"integrations.callrail.api_key": null}');
SELECT is((pg_temp.last()).before->>'value', '…1234', 'also when it goes');
SELECT fn.config_patch('partner', 'acme', '{"calling.default_region": "AM"}');
SELECT is((pg_temp.last()).after->>'value', 'AM', 'others as they are');
SELECT is((SELECT count(*) FROM audit_log WHERE before::text || after::text LIKE '%topsecret%'), 0::bigint, 'no secret');
SELECT pg_temp.added();
SELECT fn.maintenance_on('Soon.', NULL);
SELECT is(pg_temp.added() LIKE 'user:ann@here change maintenance all%', true, 'maintenance');
SELECT fn.credits_grant('aws', 5);
SELECT is(pg_temp.added() LIKE 'user:ann@here create credit_grant aws/20%-01 aws', true, 'credits');
SELECT fn.dnc_add('aws', '+12025550143', 'asked');
SELECT is(pg_temp.added(), 'user:ann@here create do_not_call aws/+120…43 aws', 'a number that must not be called');
SELECT is((SELECT count(*) FROM audit_log a WHERE a::text LIKE '%12025550143%'), 0::bigint, 'masked');
INSERT INTO webhooks (workspace_id, url, secret)
    VALUES ('aws', 'https://hooks.example/T0KEN?key=T0KEN', 'whsec_' || repeat('A', 32));
SELECT is(pg_temp.added(), 'user:ann@here create webhook aws aws', 'where its news go');
SELECT is((pg_temp.last()).after->>'url', 'https://hooks.example', 'which host');
UPDATE webhooks SET url = 'https://hooks.example/T0KEN2', secret = 'whsec_' || repeat('B', 32);
SELECT is(pg_temp.added(), 'user:ann@here change webhook aws aws', 'that something else of it changed');
SELECT is((SELECT count(*) FROM audit_log a WHERE a::text LIKE '%T0KEN%' OR a::text LIKE '%whsec_%'), 0::bigint,
    'no secret');
SELECT fn.rule_set(NULL, 'JM', false, NULL, 'fraud');
SELECT is(pg_temp.added(), 'user:ann@here create rule +1658, user:ann@here create rule +1876', 'rules');
SELECT fn.rule_remove(NULL, '+1658');
SELECT is(pg_temp.added(), 'user:ann@here remove rule +1658', 'their end');
SELECT fn.limit_set('aws', 'trial_calls', 3, false);
SELECT is(pg_temp.added(), 'user:ann@here create limit aws/trial_calls aws', 'limits');
SELECT fn.dialing_stop(NULL, 'Fire.');
SELECT is(pg_temp.added(), 'user:ann@here create dialing_stop all', 'the switch');
SELECT fn.dialing_start(NULL);
SELECT is(pg_temp.added(), 'user:ann@here remove dialing_stop all', 'and back');

-- Whoever it is.
SELECT fn.act_as('\x00', 'key_1', 'workspace'), fn.limit_set('aws', 'trial_calls', 4, false);
SELECT is((pg_temp.last()).actor, 'key:key_1', 'a key');
SELECT fn.act_as(NULL, 'platform', 'platform'), fn.limit_set('aws', 'trial_calls', 5, false);
SELECT is((pg_temp.last()).actor, 'caller:platform/platform', 'one whom the worker knows');
SELECT set_config('offhook.actor', '', true);
SELECT fn.limit_set('aws', 'trial_calls', 6, false);
SELECT is((pg_temp.last()).actor, 'role:' || session_user, 'who goes around everything');

-- It stays.
SELECT throws_ok($$UPDATE audit_log SET actor = 'nobody'$$, '42501', NULL, 'no row is changed');
SELECT throws_ok($$DELETE FROM audit_log$$, '42501', NULL, 'none is removed');
SELECT throws_ok($$TRUNCATE audit_log$$, '42501', NULL, 'not even all');
SELECT is((SELECT count(*) FROM unnest('{UPDATE,DELETE,TRUNCATE}'::text[]) p, pg_class c
    CROSS JOIN LATERAL aclexplode(c.relacl) a WHERE c.relname = 'audit_log' AND a.privilege_type = p), 0::bigint,
    'nor is it granted to anybody');

-- Reading.
SELECT is((SELECT count(*) FROM fn.audit_read(NULL, 'aws', 1000) WHERE workspace_id IS DISTINCT FROM 'aws'), 0::bigint,
    'of one workspace');
SELECT is((SELECT array_agg(after->>'most') FROM fn.audit_read(NULL, 'aws', 2)), '{5,6}', 'the newest, oldest first');
SELECT is((SELECT count(*) FROM fn.audit_read(now() + interval '1 hour', NULL, 10)), 0::bigint, 'since an instant');
SELECT finish();
ROLLBACK;
