-- What may stand between a number and its dial: the do-not-call list and calling windows.

-- Why the number of this call may not be dialed now, and until when; reason NULL when it may.
--   do_not_call     the number is on a list: never
--   outside_window  the callee's own hours are not those that were asked for
CREATE FUNCTION fn.number_gate(c calls, OUT reason text, OUT until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN;
END $$;
