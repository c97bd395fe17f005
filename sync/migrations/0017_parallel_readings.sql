-- A function with an exception block needs a subtransaction, which a parallel query refuses: neither it nor what calls it
-- is parallel safe. (The readings call core.object_in and core.time_in.)

alter function core.object_in(jsonb) parallel unsafe;
alter function core.time_in(jsonb, text[]) parallel unsafe;
alter function core.day_in(jsonb, text[]) parallel unsafe;
alter function core.job_post_in(jsonb) parallel unsafe;
alter function core.companyenrich_reading(text, jsonb, timestamptz) parallel unsafe;
alter function core.person_discovery_reading(text, jsonb, text, jsonb) parallel unsafe;
alter function core.job_posting_reading(text, jsonb, text) parallel unsafe;

-- The same as before without an exception block, for the functions around it are worth having parallel.
create or replace function attio_sync.timestamp_form(written text) returns text
language plpgsql
immutable
parallel safe
as $form$
begin
    if
        written !~ (
            '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'
            || '[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?$'
        )
        or left(written, 4) = '0000'
    then
        return written;
    end if;
    if
        substr(written, 9, 2)::integer
        > extract(day from make_date(left(written, 4)::integer, substr(written, 6, 2)::integer, 1) + interval '1 month -1 day')
    then
        return written; -- the 31st of February
    end if;
    return to_char(
        (written || case when written ~ '(Z|[+-]\d\d(:?\d\d)?)$' then '' else 'Z' end)::timestamptz at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    );
end
$form$;
