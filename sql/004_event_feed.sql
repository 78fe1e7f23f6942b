-- The order in which the events of all calls were written, for whoever follows them as they come
-- (offhook-events). A number is drawn before its commit, so a reader remembers those that it jumped
-- over for a while (src/base/gaps.h). There is no NOTIFY: it would serialise the commits of all
-- writers.
CREATE SEQUENCE call_event_seq;
ALTER TABLE call_events ADD COLUMN seq bigint NOT NULL DEFAULT nextval('call_event_seq');
CREATE INDEX call_events_seq ON call_events (seq);
