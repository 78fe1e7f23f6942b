-- How many workers died while they had this very job in hand; losses counts those who had it among others.
ALTER TABLE jobs ADD COLUMN deaths integer NOT NULL DEFAULT 0;
