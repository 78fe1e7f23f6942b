-- Bookings. They follow from what a call was asked for (kind, parsed_slots), what its agent learnt
-- and how it ended, in the transaction that ends it. Slots are the customer's free text: whatever
-- stands there, the call must end, so nothing here may fail on a value.

-- The text as a UUID, or NULL when it is none.
CREATE FUNCTION fn.as_uuid(p_text text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_text::uuid END
$$;

-- The text as a date, or NULL when it is none such as 2026-12-31.
CREATE FUNCTION fn.as_date(p_text text) RETURNS date
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN p_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN make_date(substr(p_text, 1, 4)::integer,
        substr(p_text, 6, 2)::integer, substr(p_text, 9, 2)::integer) END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL; -- the 31st of February, or the year 0
END $$;

-- The text as a time of day, or NULL when it is none such as 19:30.
CREATE FUNCTION fn.as_time(p_text text) RETURNS time
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_text ~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$' THEN p_text::time END
$$;

-- The first of these slots that holds a text or a number and is not blank, cut to p_most
-- characters; NULL when there is none.
CREATE FUNCTION fn.slot(p_slots json, p_most integer, VARIADIC p_names text[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT left(btrim(p_slots->>n.name), p_most) FROM unnest(p_names) WITH ORDINALITY n (name, no)
        WHERE json_typeof(p_slots) = 'object' AND json_typeof(p_slots->n.name) IN ('string', 'number')
            AND btrim(p_slots->>n.name) <> ''
        ORDER BY n.no LIMIT 1
$$;

-- A booking is past when its hour, or its day where no hour is known, is over in UTC.
CREATE FUNCTION fn.booking_status(b bookings) RETURNS booking_status
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN b.status <> 'cancelled' AND b.booking_date + CASE WHEN b.has_time
        THEN interval '0' ELSE interval '1 day' END <= clock_timestamp() AT TIME ZONE 'UTC'
        THEN 'past' ELSE b.status END
$$;

-- What a slot of a booking is called by those who ask for one: our own skills, and whoever sends
-- parsed_slots with a call. What the agent learnt comes before what was asked for.
CREATE FUNCTION fn.booking_make(c calls, p_outcome call_outcome) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_asked_date date := fn.as_date(fn.slot(c.parsed_slots, 10, 'date', 'check_in',
        'preferred_date'));
    v_asked_time time := fn.as_time(fn.slot(c.parsed_slots, 8, 'time', 'preferred_time'));
    v_date date := coalesce(fn.as_date(fn.slot(c.learnt, 10, 'date')), v_asked_date);
    v_time time := coalesce(fn.as_time(fn.slot(c.learnt, 8, 'time')), v_asked_time);
    v_guests text := coalesce(fn.slot(c.learnt, 8, 'guests'),
        fn.slot(c.parsed_slots, 8, 'party_size', 'guests'));
BEGIN
    INSERT INTO bookings (workspace_id, call_id, type, status, target_phone, venue_name,
            booking_date, has_time, guests, booking_holder_name, contact_phone, details, language,
            refusal_reason)
        VALUES (c.workspace_id, c.call_id,
            CASE c.kind WHEN 'restaurant_booking' THEN 'restaurant' WHEN 'doctor_appointment'
                THEN 'doctor' WHEN 'hotel_booking' THEN 'hotel' ELSE 'other' END::booking_type,
            CASE WHEN p_outcome = 'success_refused' THEN 'cancelled'
                WHEN fn.slot(c.learnt, 8, 'pending') IS NOT NULL OR v_date <> v_asked_date
                    OR v_time <> v_asked_time THEN 'pending_user_confirm'
                ELSE 'active' END::booking_status,
            c.target_phone,
            coalesce(fn.slot(c.learnt, 200, 'venue_name'), fn.slot(c.parsed_slots, 200,
                'venue_name', 'restaurant_name', 'practice_name', 'hotel_name')),
            v_date + coalesce(v_time, '00:00'), v_date IS NOT NULL AND v_time IS NOT NULL,
            CASE WHEN v_guests ~ '^[0-9]{1,5}$' THEN v_guests::integer END,
            fn.slot(c.parsed_slots, 200, 'name', 'patient_name', 'booking_holder_name'),
            fn.slot(c.parsed_slots, 64, 'phone_to_dictate', 'contact_phone'),
            nullif(left(concat_ws('; ', fn.slot(c.parsed_slots, 500, 'reason', 'request', 'details'),
                'until ' || fn.slot(c.parsed_slots, 10, 'check_out'),
                'rooms: ' || fn.slot(c.parsed_slots, 8, 'rooms'),
                fn.slot(c.parsed_slots, 500, 'wishes'), fn.slot(c.learnt, 500, 'details')),
                2000), ''),
            c.language,
            CASE WHEN p_outcome = 'success_refused'
                THEN coalesce(fn.slot(c.learnt, 500, 'refusal_reason'), c.outcome_summary) END)
        ON CONFLICT (call_id, workspace_id) DO NOTHING;
END $$;

-- What the end of a call (whose row the caller holds locked) makes of bookings: one that was agreed
-- to, or, of a call that was to book, one that was refused; and the end of the one that a call was to
-- cancel, once the callee agreed to that.
CREATE FUNCTION fn.booking_settle(c calls, p_outcome call_outcome) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF c.kind = 'restaurant_cancel' THEN
        IF p_outcome = 'success_booked' THEN
            UPDATE bookings SET status = 'cancelled', updated_at = clock_timestamp()
                WHERE booking_id = fn.as_uuid(fn.slot(c.parsed_slots, 36, 'booking_id'))
                    AND workspace_id = c.workspace_id AND status <> 'cancelled';
        END IF;
    ELSIF p_outcome = 'success_booked' OR (p_outcome = 'success_refused'
        AND c.kind IN ('restaurant_booking', 'doctor_appointment', 'hotel_booking')) THEN
        PERFORM fn.booking_make(c, p_outcome);
    END IF;
END $$;
