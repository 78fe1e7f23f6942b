-- Many calls are accepted in one statement: the totals of a month are then written once for all lines of
-- a customer, not once a line. Whoever reserves has made sure before, under the lock of the month's row
-- (fn.credits_hold, fn.calls_accept), that the totals cover it; a line that they do not cover is refused
-- together with its statement.

DROP TRIGGER credit_ledger_reserve ON credit_ledger;
DROP FUNCTION credit_ledger_reserve();

CREATE OR REPLACE FUNCTION credit_ledger_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM credit_ledger l WHERE l.call_id = NEW.call_id AND l.step = 1
        AND l.workspace_id = NEW.workspace_id AND l.month = NEW.month
        AND l.reserved = -NEW.reserved;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the closing line of call % does not match its reservation', NEW.call_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION credit_ledger_total() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_covered bigint;
BEGIN
    UPDATE credit_months m SET reserved = m.reserved + l.reserved, settled = m.settled + l.settled
        FROM (SELECT workspace_id, month, sum(reserved) AS reserved, sum(settled) AS settled
                FROM added GROUP BY workspace_id, month) l
            JOIN workspaces w ON w.workspace_id = l.workspace_id
        WHERE m.workspace_id = l.workspace_id AND m.month = l.month
            AND (l.reserved <= 0
                OR w.quota + m.granted - m.reserved - m.settled >= l.reserved + l.settled);
    GET DIAGNOSTICS v_covered = ROW_COUNT;
    IF v_covered <> (SELECT count(DISTINCT (workspace_id, month)) FROM added) THEN
        RAISE EXCEPTION 'the ledger''s lines are not covered by the totals of their month'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_ledger_total AFTER INSERT ON credit_ledger REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION credit_ledger_total();
