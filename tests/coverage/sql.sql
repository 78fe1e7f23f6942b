-- For tests/sql/run: how much of each function of PL/pgSQL has been run in this database, by the profiler of
-- plpgsql_check. Of those in SQL nothing is known but that they are one statement.
\pset format unaligned
\pset fieldsep '\t'
SELECT p.oid::regprocedure, public.plpgsql_coverage_statements(p.oid), public.plpgsql_coverage_branches(p.oid)
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname = 'plpgsql' AND p.pronamespace IN ('public'::regnamespace, 'fn'::regnamespace)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1;
