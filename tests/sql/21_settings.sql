-- The settings of the tree: who may see and change them, and which level decides.
BEGIN;
SELECT no_plan();
SELECT t.workspace('ws1'), t.workspace('ws2');
SELECT fn.partner_create('acme', 'Acme'), fn.organization_create('acme-north', 'acme', 'North'),
    fn.workspace_create('acme-ws', 'acme-north', 'W', 10, NULL);

-- ---- levels ----

CREATE FUNCTION pg_temp.levels(p_scope text, p_id text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(scope || '/' || scope_id, ' ' ORDER BY distance) FROM fn.config_levels(p_scope, p_id) $$;
SELECT is(pg_temp.levels('workspace', 'acme-ws'),
    'workspace/acme-ws organization/acme-north partner/acme platform/default', 'of a workspace');
SELECT is(pg_temp.levels('organization', 'acme-north'),
    'organization/acme-north partner/acme platform/default', 'of an organization');
SELECT is(pg_temp.levels('partner', 'acme'), 'partner/acme platform/default', 'of a partner');
SELECT is(pg_temp.levels('platform', 'default'), 'platform/default', 'the top');
SELECT is(pg_temp.levels(scope, id), NULL, 'no ' || scope || '/' || id) FROM (VALUES
    ('workspace', 'acme'), ('organization', 'acme'), ('partner', 'ws1'), ('platform', 'platform'),
    ('platform', 'acme'), ('galaxy', 'default'), ('', '')) v (scope, id);

-- ---- reach ----

CREATE FUNCTION pg_temp.reach(p_key text, p_admin boolean, p_place text) RETURNS text LANGUAGE sql AS $$
    SELECT fn.config_reach(split_part(p_key, '/', 1), split_part(p_key, '/', 2), p_admin,
        split_part(p_place, '/', 1), split_part(p_place, '/', 2)) $$;
SELECT is(pg_temp.reach(key, admin, place), what, key || ' at ' || place || CASE WHEN admin THEN ', admin' ELSE '' END)
FROM (VALUES
    ('workspace/ws1', false, 'workspace/ws1', 'ok'),
    ('workspace/ws1', true, 'workspace/ws2', 'forbidden'),
    ('workspace/ws1', true, 'organization/default', 'forbidden'),
    ('workspace/ws1', true, 'platform/default', 'forbidden'),
    ('workspace/ws1', true, 'workspace/nobody', 'forbidden'),
    ('workspace/ws1', true, 'galaxy/ws1', 'forbidden'),
    ('organization/acme-north', false, 'organization/acme-north', 'ok'),
    ('organization/acme-north', false, 'workspace/acme-ws', 'ok'),
    ('organization/acme-north', false, 'workspace/ws1', 'forbidden'),
    ('organization/acme-north', true, 'partner/acme', 'forbidden'),
    ('partner/acme', false, 'partner/acme', 'ok'),
    ('partner/acme', false, 'organization/acme-north', 'ok'),
    ('partner/acme', false, 'workspace/acme-ws', 'ok'),
    ('partner/acme', true, 'partner/default', 'forbidden'),
    ('partner/acme', true, 'platform/default', 'forbidden'),
    ('platform/platform', false, 'workspace/ws1', 'ok'),
    ('platform/default', false, 'partner/acme', 'ok'),
    ('platform/platform', false, 'platform/default', 'forbidden'),
    ('platform/platform', true, 'platform/default', 'ok'),
    ('platform/default', true, 'platform/default', 'ok'),
    ('platform/platform', true, 'platform/platform', 'unknown'),
    ('platform/platform', false, 'workspace/nobody', 'unknown'),
    ('platform/platform', true, 'galaxy/default', 'unknown')) v (key, admin, place, what);
-- A workspace may bear the name of another level.
SELECT fn.workspace_create('acme', 'default', 'W', 10, NULL);
SELECT is(pg_temp.reach('workspace/acme', true, 'partner/acme'), 'forbidden', 'a name is not a scope');

-- ---- the nearest level decides ----

SELECT is(fn.setting('acme-ws', 'a.b'), NULL, 'nobody says anything');
SELECT is(fn.config_patch('platform', 'default', '{"a.b": 1, "c": {"d": 5}}'), 2::bigint, 'two are set');
SELECT is(fn.setting('acme-ws', 'a.b'), '1'::jsonb, 'the platform');
SELECT is(fn.setting('acme-ws', 'c'), '{"d": 5}'::jsonb, 'an object is one value');
SELECT is(fn.setting('acme-ws', 'c.d'), NULL, 'nothing inside it is a setting');
SELECT fn.config_patch('partner', 'acme', '{"a.b": 2}');
SELECT is(fn.setting('acme-ws', 'a.b'), '2'::jsonb, 'the partner');
SELECT is(fn.setting('ws1', 'a.b'), '1'::jsonb, 'but not for another''s');
SELECT fn.config_patch('organization', 'acme-north', '{"a.b": 3}');
SELECT is(fn.setting('acme-ws', 'a.b'), '3'::jsonb, 'the organization');
SELECT fn.config_patch('workspace', 'acme-ws', '{"a.b": false}');
SELECT is(fn.setting('acme-ws', 'a.b'), 'false'::jsonb, 'the workspace, also with false');
SELECT fn.config_patch('workspace', 'acme-ws', '{"a.b": 0}');
SELECT is(fn.setting('acme-ws', 'a.b'), '0'::jsonb, 'or with less than all above it');
SELECT fn.config_patch('workspace', 'acme-ws', '{"a.b": null}');
SELECT is(fn.setting('acme-ws', 'a.b'), '3'::jsonb, 'removed: the organization again');
SELECT is(fn.setting('nobody', 'a.b'), NULL, 'no workspace');

-- ---- patches ----

SELECT is(fn.config_patch('workspace', 'nobody', '{"a.b": 1}'), NULL, 'no such level');
SELECT is(fn.config_patch('galaxy', 'default', '{"a.b": 1}'), NULL, 'no such scope');
SELECT is(fn.config_patch(NULL, 'ws1', '{"a.b": 1}'), NULL, 'nobody');
SELECT is_empty($$SELECT FROM settings WHERE scope = 'workspace'$$, 'and nothing was written');
SELECT is(fn.config_patch('workspace', 'ws1', '{}'), 0::bigint, 'an empty patch');
SELECT is(fn.config_patch('workspace', 'ws1', '{"x": 1, "y": 2, "z": null}'), 2::bigint, 'nothing to remove');
UPDATE settings SET updated_at = '2020-01-01' WHERE scope_id = 'ws1';
SELECT is(fn.config_patch('workspace', 'ws1', '{"x": 1, "y": 3, "z": 4}'), 2::bigint, 'what is so already is no change');
SELECT is((SELECT array_agg(path ORDER BY path) FROM settings WHERE scope_id = 'ws1' AND updated_at > '2021-01-01'),
    '{y,z}', 'and keeps its time');
SELECT throws_ok($$SELECT fn.config_patch('workspace', 'ws1', '{"y": null, "x": 9, "No Path": 1}')$$, '23514', NULL,
    'one that cannot be');
SELECT is((SELECT jsonb_object_agg(path, value) FROM settings WHERE scope_id = 'ws1'),
    '{"x": 1, "y": 3, "z": 4}', 'changes nothing at all');

-- ---- reading ----

SELECT fn.config_patch('workspace', 'acme-ws', '{"k": "secret-1234"}'), fn.config_patch('partner', 'acme', '{"s": "abc"}');
SELECT results_eq($$SELECT path, value, source FROM fn.config_read('workspace', 'acme-ws', false, '{k,s}')$$,
    $$VALUES ('k', '"…1234"'::jsonb, 'workspace/acme-ws')$$, 'its own, without the secret');
SELECT results_eq($$SELECT path, value, source FROM fn.config_read('workspace', 'acme-ws', true, '{k}')$$,
    $$VALUES ('a.b', '3'::jsonb, 'organization/acme-north'), ('c', '{"d": 5}', 'platform/default'),
    ('k', '"…1234"', 'workspace/acme-ws'), ('s', '"abc"', 'partner/acme')$$, 'what holds there, and from where');
SELECT results_eq($$SELECT path, source FROM fn.config_read('partner', 'acme', true, '{}')$$,
    $$VALUES ('a.b', 'partner/acme'), ('c', 'platform/default'), ('s', 'partner/acme')$$, 'nothing from below');
SELECT is_empty($$SELECT FROM fn.config_read('workspace', 'nobody', true, '{}')$$, 'no such level');
SELECT is_empty($$SELECT FROM fn.config_read(NULL, NULL, true, '{}')$$, 'nobody');

SELECT * FROM finish();
ROLLBACK;
