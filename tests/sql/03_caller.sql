-- Who asks: each scope against each workspace of a small tree.
BEGIN;
SELECT no_plan();

SELECT fn.partner_create('par1', 'P'), fn.partner_create('par2', 'P');
SELECT fn.organization_create('org1', 'par1', 'O'), fn.organization_create('org2', 'par1', 'O'),
    fn.organization_create('org3', 'par2', 'O');
SELECT fn.workspace_create(w, o, w, 10, NULL)
    FROM (VALUES ('w1a', 'org1'), ('w1b', 'org1'), ('w2a', 'org2'), ('w3a', 'org3')) v (w, o);
SELECT t.key('key-w1a', 'workspace', 'w1a'), t.key('key-org1', 'organization', 'org1', true),
    t.key('key-par1', 'partner', 'par1'), t.key('key-platform', 'platform', 'platform', true);

-- The workspace that a key acts in: none named, then each that there is.
CREATE TEMP TABLE expected (scope text, id text, named text, acts_in text);
INSERT INTO expected VALUES
    ('workspace', 'w1a', NULL, 'w1a'), ('workspace', 'w1a', 'w1a', 'w1a'),
    ('workspace', 'w1a', 'w1b', NULL), ('workspace', 'w1a', 'w2a', NULL),
    ('workspace', 'w1a', 'w3a', NULL), ('workspace', 'w1a', 'none', NULL),
    ('organization', 'org1', NULL, NULL), ('organization', 'org1', 'w1a', 'w1a'),
    ('organization', 'org1', 'w1b', 'w1b'), ('organization', 'org1', 'w2a', NULL),
    ('organization', 'org1', 'w3a', NULL), ('organization', 'org1', 'org1', NULL),
    ('partner', 'par1', NULL, NULL), ('partner', 'par1', 'w1a', 'w1a'),
    ('partner', 'par1', 'w1b', 'w1b'), ('partner', 'par1', 'w2a', 'w2a'),
    ('partner', 'par1', 'w3a', NULL), ('partner', 'par1', 'par1', NULL),
    ('platform', 'platform', NULL, NULL), ('platform', 'platform', 'w1a', 'w1a'),
    ('platform', 'platform', 'w1b', 'w1b'), ('platform', 'platform', 'w2a', 'w2a'),
    ('platform', 'platform', 'w3a', 'w3a'), ('platform', 'platform', 'none', NULL);

SELECT is((SELECT workspace_id FROM fn.caller(sha256(('key-' || id)::bytea), NULL, NULL, NULL,
    named)), acts_in, format('key of %s, naming %s', id, named)) FROM expected;
SELECT is((SELECT count(*) FROM fn.caller(sha256(('key-' || id)::bytea), NULL, NULL, NULL, named)),
    1::bigint, format('key of %s, naming %s: one row', id, named)) FROM expected;
SELECT is((SELECT workspace_id FROM fn.caller(NULL, scope, id, false, named)), acts_in,
    format('token for %s, naming %s', id, named)) FROM expected;
SELECT is((SELECT count(*) FROM fn.caller(NULL, scope, id, false, named)), 1::bigint,
    format('token for %s, naming %s: one row', id, named)) FROM expected;

SELECT results_eq($$SELECT * FROM fn.caller(sha256('key-org1'), 'platform', 'platform', false, 'w1b')$$,
    $$VALUES ('id-key-org1', 'org1', 'organization', 'org1', true, 'w1b')$$,
    'a key is what its row says, whatever else was sent');
SELECT is((SELECT is_admin FROM fn.caller(sha256('key-par1'), NULL, NULL, true, NULL)), false,
    'nobody makes himself an admin');
SELECT results_eq($$SELECT scope, scope_id, is_admin, api_key_last_4
    FROM fn.caller(NULL, 'workspace', 'w1a', true, NULL)$$,
    $$VALUES ('workspace', 'w1a', true, NULL::text)$$, 'a token is what it says');

-- Nobody.
SELECT is_empty($$SELECT * FROM fn.caller(sha256('nobody'), NULL, NULL, NULL, NULL)$$, 'no such key');
SELECT is_empty($$SELECT * FROM fn.caller(sha256('nobody'), 'platform', 'platform', true, 'w1a')$$,
    'no such key, though something else was sent');
SELECT is_empty($$SELECT * FROM fn.caller(NULL, NULL, NULL, NULL, 'w1a')$$, 'nothing at all');
SELECT is_empty(format($$SELECT * FROM fn.caller(NULL, %L, 'unknown', true, NULL)$$, s),
    'a token for an unknown ' || s) FROM unnest(ARRAY['workspace', 'organization', 'partner']) s;
SELECT is(fn.key_revoke('id-key-w1a'), 'revoked', 'revoked');
SELECT is_empty($$SELECT * FROM fn.caller(sha256('key-w1a'), NULL, NULL, NULL, NULL)$$,
    'a revoked key is nobody at once');
SELECT is(fn.key_revoke('id-key-w1a'), 'already', 'revoked twice');
SELECT is(fn.key_revoke('id-none'), 'unknown', 'none to revoke');
SELECT is(t.key('x', 'partner', 'org1'), 'scope_unknown', 'a key for what does not exist');

SELECT * FROM finish();
ROLLBACK;
