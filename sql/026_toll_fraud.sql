-- Toll fraud: which numbers may be called at all, how many calls to countries that are new to a workspace,
-- and the switch that stops dialing. The rules that use these tables are in functions/20_fraud.sql, what
-- they are for is in doc/fraud.md. Only the operator's command writes rules, limits and stops: somebody who
-- has stolen a customer's key must not be able to.

-- The country that a number begins with; the longest prefix is the number's. '001' is a global network
-- without a country. The United States and Canada share +1, except for the area codes below.
CREATE TABLE destinations (
    prefix text PRIMARY KEY CHECK (prefix ~ '^\+[1-9][0-9]{0,3}$'),
    region text NOT NULL CHECK (region ~ '^([A-Z]{2}|001)$')
);
INSERT INTO destinations (prefix, region)
    SELECT split_part(d, ':', 1), split_part(d, ':', 2) FROM regexp_split_to_table(
        '+1:US +1242:BS +1246:BB +1264:AI +1268:AG +1284:VG +1340:VI +1345:KY +1441:BM +1473:GD
        +1649:TC +1658:JM +1664:MS +1670:MP +1671:GU +1684:AS +1721:SX +1758:LC +1767:DM +1784:VC
        +1787:PR +1809:DO +1829:DO +1849:DO +1868:TT +1869:KN +1876:JM +1939:PR +20:EG +211:SS
        +212:MA +213:DZ +216:TN +218:LY +220:GM +221:SN +222:MR +223:ML +224:GN +225:CI +226:BF
        +227:NE +228:TG +229:BJ +230:MU +231:LR +232:SL +233:GH +234:NG +235:TD +236:CF +237:CM
        +238:CV +239:ST +240:GQ +241:GA +242:CG +243:CD +244:AO +245:GW +246:IO +247:AC +248:SC
        +249:SD +250:RW +251:ET +252:SO +253:DJ +254:KE +255:TZ +256:UG +257:BI +258:MZ +260:ZM
        +261:MG +262:RE +263:ZW +264:NA +265:MW +266:LS +267:BW +268:SZ +269:KM +27:ZA +290:SH
        +291:ER +297:AW +298:FO +299:GL +30:GR +31:NL +32:BE +33:FR +34:ES +350:GI +351:PT +352:LU
        +353:IE +354:IS +355:AL +356:MT +357:CY +358:FI +359:BG +36:HU +370:LT +371:LV +372:EE
        +373:MD +374:AM +375:BY +376:AD +377:MC +378:SM +380:UA +381:RS +382:ME +383:XK +385:HR
        +386:SI +387:BA +389:MK +39:IT +40:RO +41:CH +420:CZ +421:SK +423:LI +43:AT +44:GB +45:DK
        +46:SE +47:NO +48:PL +49:DE +500:FK +501:BZ +502:GT +503:SV +504:HN +505:NI +506:CR +507:PA
        +508:PM +509:HT +51:PE +52:MX +53:CU +54:AR +55:BR +56:CL +57:CO +58:VE +590:GP +591:BO
        +592:GY +593:EC +594:GF +595:PY +596:MQ +597:SR +598:UY +599:CW +60:MY +61:AU +62:ID +63:PH
        +64:NZ +65:SG +66:TH +670:TL +672:NF +673:BN +674:NR +675:PG +676:TO +677:SB +678:VU +679:FJ
        +680:PW +681:WF +682:CK +683:NU +685:WS +686:KI +687:NC +688:TV +689:PF +690:TK +691:FM
        +692:MH +7:RU +76:KZ +77:KZ +800:001 +808:001 +81:JP +82:KR +84:VN +850:KP +852:HK +853:MO
        +855:KH +856:LA +86:CN +870:001 +878:001 +880:BD +881:001 +882:001 +883:001 +886:TW +888:001
        +90:TR +91:IN +92:PK +93:AF +94:LK +95:MM +960:MV +961:LB +962:JO +963:SY +964:IQ +965:KW
        +966:SA +967:YE +968:OM +970:PS +971:AE +972:IL +973:BH +974:QA +975:BT +976:MN +977:NP
        +979:001 +98:IR +992:TJ +993:TM +994:AZ +995:GE +996:KG +998:UZ',
        '\s+') d;

-- Which numbers may be called: the longest prefix of a number decides; of two alike the workspace's own.
-- workspace_id '' is the operator's for all workspaces, the prefix '+' every number.
CREATE TABLE call_rules (
    workspace_id text NOT NULL,
    prefix       text NOT NULL CHECK (prefix ~ '^\+([1-9][0-9]{0,7})?$'),
    allow        boolean NOT NULL,
    cost         integer CHECK (cost BETWEEN 0 AND 10000), -- units of a call there; NULL: the usual ones
    reason       text CHECK (length(reason) BETWEEN 1 AND 200),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, prefix)
);
INSERT INTO call_rules (workspace_id, prefix, allow, reason)
    SELECT '', p, false, d.reason FROM (VALUES
    ('premium rate',
        '+1900 +1976'),
    ('premium rate',
        '+4490 +4491 +4498 +49900 +3389 +34803 +34806 +34807 +39892 +39894 +39895 +39899 +31900
        +31906 +31909 +3290 +41900 +41901 +41906 +43900 +43901 +43930 +43931 +43939 +4870 +46900
        +46939 +46944 +61190 +64900 +7803 +7809 +81990 +55900 +52900 +2790 +9721900 +9721919 +30901
        +30909 +351601 +351760 +358600 +358700 +36909 +420900 +420906 +420909 +421900 +40900 +40906
        +359900 +385600 +38690 +38190 +370900 +3719 +372900 +380900 +90900 +65190 +852900 +886203
        +8260 +54600 +58900'),
    ('shared cost',
        '+4484 +4487 +49137 +49180 +3381 +3382 +4184 +2786'),
    ('personal numbers',
        '+4470'),
    ('satellite',
        '+870 +881'),
    ('international networks',
        '+882 +883'),
    ('global services without a country',
        '+878 +888'),
    ('international shared cost',
        '+808'),
    ('international premium rate',
        '+979')) d (reason, prefixes),
    regexp_split_to_table(d.prefixes, '\s+') p;

-- What a workspace may do, by name; workspace_id '' is the operator's for all that have no row of their own.
-- most NULL: as many as it likes, which is also what no row means.
CREATE TABLE call_limits (
    workspace_id text NOT NULL,
    name         text NOT NULL CHECK (name IN ('trial_calls', 'refusals_per_hour', 'calls_per_hour',
        'calls_per_day', 'cost_per_day', 'first_day_calls')),
    most         integer CHECK (most BETWEEN 0 AND 1000000000),
    PRIMARY KEY (workspace_id, name)
);
INSERT INTO call_limits (workspace_id, name, most)
    VALUES ('', 'trial_calls', 10), ('', 'refusals_per_hour', 20);

-- Where the operator's own number is at home: the country that is no trial for anybody. What follows from
-- it and from the rules for all stands beside it, for most calls are to a number at home that no rule is
-- about: one row tells them from the rest, without a look at any rule.
CREATE TABLE call_home (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    region  text NOT NULL DEFAULT 'US',
    begins  text[] NOT NULL DEFAULT '{}', -- the prefixes of that country
    odd     text[] NOT NULL DEFAULT '{}', -- what begins with these five characters may be another matter
    limited boolean NOT NULL DEFAULT true -- all workspaces have a limit of calls at home as well
);

CREATE FUNCTION call_home_refresh() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE call_home h SET
        begins = CASE WHEN EXISTS (SELECT FROM call_rules r JOIN destinations d
                ON d.region = h.region AND r.prefix IN ('+', d.prefix) WHERE r.workspace_id = '')
            THEN '{}' ELSE ARRAY(SELECT d.prefix FROM destinations d WHERE d.region = h.region) END,
        odd = ARRAY(SELECT left(r.prefix, 5) FROM call_rules r WHERE r.workspace_id = ''
            UNION SELECT d.prefix FROM destinations d WHERE d.region <> h.region),
        limited = EXISTS (SELECT FROM call_limits l WHERE l.workspace_id = '' AND l.most IS NOT NULL
            AND l.name NOT IN ('trial_calls', 'refusals_per_hour'));
    UPDATE call_home h SET odd = ARRAY(SELECT o FROM unnest(h.odd) o, unnest(h.begins) b
        WHERE left(o, length(b)) = b);
    RETURN NULL;
END $$;
CREATE TRIGGER call_home_refresh AFTER INSERT OR UPDATE OR DELETE ON call_rules
    EXECUTE FUNCTION call_home_refresh();
CREATE TRIGGER call_home_refresh AFTER INSERT OR UPDATE OR DELETE ON call_limits
    EXECUTE FUNCTION call_home_refresh();
CREATE TRIGGER call_home_refresh AFTER INSERT OR UPDATE OF region ON call_home
    EXECUTE FUNCTION call_home_refresh();
INSERT INTO call_home DEFAULT VALUES;

-- Calls to anywhere else. trial: to a country that is new to the workspace.
CREATE TABLE far_calls (
    call_id      text NOT NULL,
    workspace_id text NOT NULL,
    region       text NOT NULL,
    trial        boolean NOT NULL,
    cost         integer NOT NULL,
    placed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    dialed_at    timestamptz, -- of a trial
    PRIMARY KEY (call_id, workspace_id)
);
CREATE INDEX far_calls_region ON far_calls (workspace_id, region, placed_at);
CREATE INDEX far_calls_day ON far_calls (workspace_id, placed_at);
CREATE INDEX far_calls_trial ON far_calls (workspace_id, placed_at) WHERE trial;
CREATE INDEX far_calls_dialed ON far_calls (workspace_id, dialed_at) WHERE dialed_at IS NOT NULL;

-- Who was refused, for how many numbers that differ: their digests. Rows are only added, so that nobody
-- waits for another's commit.
CREATE TABLE call_refusals (
    workspace_id text NOT NULL,
    refused_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    why          text NOT NULL,
    number_hash  bytea NOT NULL
);
CREATE INDEX call_refusals_workspace ON call_refusals (workspace_id, refused_at);
CREATE INDEX call_refusals_age ON call_refusals (refused_at);

-- Nothing is dialed for these workspaces ('': for nobody) until somebody starts it again. guarded: it was
-- not a person who stopped it, and new calls are refused as well.
CREATE TABLE dialing_stops (
    workspace_id text PRIMARY KEY,
    guarded      boolean NOT NULL DEFAULT false,
    reason       text CHECK (length(reason) BETWEEN 1 AND 500),
    stopped_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
