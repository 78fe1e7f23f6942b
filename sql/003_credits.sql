-- Credits. The ledger is the truth and is only ever added to: a call has one line when its
-- credits are reserved (step 1) and one when they are settled or released (step 2). The totals of
-- a month are kept by the ledger's own trigger, so that no line can be written without them, and a
-- reservation that is not covered is not written at all.

CREATE FUNCTION credit_month(t timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE AS $$ SELECT date_trunc('month', t AT TIME ZONE 'UTC')::date $$;

CREATE TABLE credit_months (
    workspace_id text NOT NULL,
    month        date NOT NULL,
    granted      integer NOT NULL DEFAULT 0 CHECK (granted >= 0),
    reserved     integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    settled      integer NOT NULL DEFAULT 0 CHECK (settled >= 0),
    PRIMARY KEY (workspace_id, month)
) WITH (fillfactor = 10); -- hot: its versions stay in one page

CREATE TABLE credit_grants (
    grant_id     bigint GENERATED ALWAYS AS IDENTITY,
    workspace_id text NOT NULL,
    month        date NOT NULL,
    amount       integer NOT NULL CHECK (amount > 0),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (grant_id, workspace_id)
);

CREATE TABLE credit_ledger (
    call_id      text NOT NULL,
    step         smallint NOT NULL,
    workspace_id text NOT NULL,
    month        date NOT NULL, -- of the reservation, for both lines
    reserved     integer NOT NULL, -- change of what is reserved
    settled      integer NOT NULL, -- change of what is settled
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (call_id, step, workspace_id),
    CHECK (step = 1 AND reserved >= 0 AND settled = 0
        OR step = 2 AND reserved <= 0 AND settled BETWEEN 0 AND -reserved)
);

CREATE FUNCTION credit_ledger_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM credit_ledger l WHERE l.call_id = NEW.call_id AND l.step = 1
        AND l.workspace_id = NEW.workspace_id AND l.month = NEW.month
        AND l.reserved = -NEW.reserved;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the closing line of call % does not match its reservation', NEW.call_id
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE credit_months m
        SET reserved = m.reserved + NEW.reserved, settled = m.settled + NEW.settled
        WHERE m.workspace_id = NEW.workspace_id AND m.month = NEW.month;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the month of call % has no totals', NEW.call_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_ledger_close BEFORE INSERT ON credit_ledger FOR EACH ROW
    WHEN (NEW.step = 2) EXECUTE FUNCTION credit_ledger_close();

CREATE FUNCTION credit_ledger_reserve() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    FOR try IN 1..2 LOOP
        UPDATE credit_months m SET reserved = m.reserved + NEW.reserved
            WHERE m.workspace_id = NEW.workspace_id AND m.month = NEW.month
                AND m.granted - m.reserved - m.settled >= NEW.reserved
                    - (SELECT w.quota FROM workspaces w WHERE w.workspace_id = NEW.workspace_id);
        IF FOUND THEN
            RETURN NEW;
        END IF;
        -- Waits for a twin that is making the same row, and then does nothing: look again in any
        -- case. When the row was there before, it does not cover the reservation.
        INSERT INTO credit_months (workspace_id, month) VALUES (NEW.workspace_id, NEW.month)
            ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER credit_ledger_reserve BEFORE INSERT ON credit_ledger FOR EACH ROW
    WHEN (NEW.step = 1) EXECUTE FUNCTION credit_ledger_reserve();

CREATE FUNCTION credit_ledger_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.month < credit_month(clock_timestamp()) - interval '2 months' THEN
        RETURN OLD; -- retention
    END IF;
    RAISE EXCEPTION 'the ledger is only added to' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER credit_ledger_keep BEFORE UPDATE OR DELETE ON credit_ledger FOR EACH ROW
    EXECUTE FUNCTION credit_ledger_keep();

-- No call can be committed as ended with its credits still open.
CREATE FUNCTION calls_guard_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.credits_reserved > 0 AND NOT EXISTS (SELECT FROM credit_ledger l
        WHERE l.call_id = NEW.call_id AND l.step = 2 AND l.workspace_id = NEW.workspace_id) THEN
        RAISE EXCEPTION 'call % ended with an open reservation', NEW.call_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER calls_guard_ledger AFTER UPDATE OF status ON calls
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (call_is_final(NEW.status)) EXECUTE FUNCTION calls_guard_ledger();
