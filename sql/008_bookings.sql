-- Bookings: what a call has booked, or was refused. Made and cancelled by the end of a call alone
-- (functions/13_bookings.sql).

CREATE TYPE booking_type AS ENUM ('restaurant', 'doctor', 'hotel', 'other');
-- past is never stored: fn.booking_status() derives it from the date.
CREATE TYPE booking_status AS ENUM ('active', 'pending_user_confirm', 'past', 'cancelled');

CREATE TABLE bookings (
    booking_id          uuid NOT NULL DEFAULT gen_random_uuid(),
    workspace_id        text NOT NULL,
    call_id             text, -- the call that made it; NULL once retention has removed that
    type                booking_type NOT NULL,
    status              booking_status NOT NULL CHECK (status <> 'past'),
    target_phone        text NOT NULL,
    venue_name          text CHECK (length(venue_name) <= 200),
    booking_date        timestamp, -- as the venue means it, without a zone
    has_time            boolean NOT NULL DEFAULT false, -- else only its day is known
    guests              integer CHECK (guests BETWEEN 0 AND 99999),
    booking_holder_name text CHECK (length(booking_holder_name) <= 200),
    contact_phone       text CHECK (length(contact_phone) <= 64),
    details             text CHECK (length(details) <= 2000),
    language            text NOT NULL,
    refusal_reason      text CHECK (length(refusal_reason) <= 500),
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (booking_id, workspace_id),
    UNIQUE (call_id, workspace_id), -- a call books once
    CHECK (refusal_reason IS NULL OR status = 'cancelled'),
    CHECK (booking_date IS NOT NULL OR NOT has_time)
);
CREATE INDEX bookings_list ON bookings (workspace_id, created_at, booking_id);

-- What the agent learnt in the talk, beside its verdict: {"refusal_reason", "pending", "date",
-- "time", "guests", "venue_name", "details"}, each of them optional.
ALTER TABLE calls ADD COLUMN learnt json;
