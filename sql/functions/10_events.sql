-- What the followers of a call's events need to know besides the events.

-- Whether nothing is to come any more: the call has ended, its recording is here or never will be,
-- and its transcript is merged (which has a row as soon as the recording is settled). A call that does
-- not exist is settled.
CREATE FUNCTION fn.call_settled(p_call text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (SELECT FROM calls c WHERE c.call_id = p_call
            AND NOT call_is_final(c.status))
        AND NOT EXISTS (SELECT FROM recordings r WHERE r.call_id = p_call
            AND r.state IN ('expected', 'ready'))
        AND NOT EXISTS (SELECT FROM transcripts t WHERE t.call_id = p_call
            AND t.state = 'pending')
$$;
