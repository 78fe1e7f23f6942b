-- How often the callee's line has looked for the answer to a question, as far as it brought words of the
-- callee with it: what is said while waiting is taken in once (fn.agent_held).
ALTER TABLE questions ADD COLUMN looks integer NOT NULL DEFAULT 0;
