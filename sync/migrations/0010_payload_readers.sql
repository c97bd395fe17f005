-- How a cell or a payload is read. Everything here is immutable, never raises and gives null for what says nothing:
-- payloads arrive with fields missing, null, retyped or unknown. `canon serve`, a call of core.ingest_*, `canon extract`
-- and the model ingest_reconciliation all read by these functions.

-- A text without blanks around it and without invisible characters; null when nothing is left.
-- The same expression as the models' macro clean_text.
create or replace function core.clean_text(cell text) returns text
language sql immutable parallel safe
as $$
    select nullif(btrim(translate(cell::text, E'\t\n\r\u00a0\u2007\u202f\u3000\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff', '       ')), '')
$$;

-- The host a cell names, in its syntactic form; null when it names none. Whether it is a company's own, and where its
-- registrable part begins, is for the models to say. The same expressions as the models' macros host_of and is_host.
create or replace function core.domain_of(cell text) returns text
language sql immutable parallel safe
as $$
    select case when host ~ '^(?:[^\s\u0001-/:-@\[-^`{-\u007f](?:[^\s\u0001-,./:-@\[-^`{-\u007f]*[^\s\u0001-/:-@\[-^`{-\u007f])?\.)+[^\s\u0001-,./:-@\[-^`{-\u007f]*[^\s\u0001-@\[-^`{-\u007f_][^\s\u0001-,./:-@\[-^`{-\u007f]*$' and length(host) <= 253 and host !~ '[^.]{64}' then host end
    from (
        select regexp_replace(
            rtrim(
                split_part(
                    reverse(split_part(reverse(
                        split_part(split_part(split_part(split_part(
                            regexp_replace(
                                ltrim(translate(lower(nullif(btrim(translate(cell::text, E'\t\n\r\u00a0\u2007\u202f\u3000\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff', '       ')), '')), '\,;|<>"', '/      ')),
                                '^([a-z][a-z0-9+.-]*:)?/{2,}', ''
                            ),
                            '/', 1
                        ), '?', 1), '#', 1), ' ', 1)
                    ), '@', 1)),
                    ':', 1
                ),
                '.'
            ),
            '^(www\.)+', ''
        ) as host
        offset 0 -- worked out once, not once per use
    ) as cut
$$;
comment on function core.domain_of(text) is
'The host a cell names: lower case, without scheme, credentials, port, path and www; null when it names none.';

-- A JSON object, also one that was sent as a text.
create or replace function core.object_in(given jsonb) returns jsonb
language plpgsql immutable parallel safe
as $$
declare
    read jsonb;
begin
    if jsonb_typeof(given) = 'object' then
        return given;
    end if;
    if jsonb_typeof(given) = 'string' and ltrim(given #>> '{}') like '{%' then
        read := (given #>> '{}')::jsonb;
        return case when jsonb_typeof(read) = 'object' then read end;
    end if;
    return null;
exception
    when data_exception or program_limit_exceeded then
        return null;
end
$$;

-- The text at a path: numbers as they are written, lists joined by '; '.
create or replace function core.text_in(payload jsonb, variadic path text[]) returns text
language sql immutable parallel safe
as $$
    select case jsonb_typeof(payload #> path)
        when 'string' then core.clean_text(payload #>> path)
        when 'number' then payload #>> path
        when 'array' then (
            select string_agg(core.clean_text(listed.value #>> '{}'), '; ' order by listed.place)
            from jsonb_array_elements(payload #> path) with ordinality as listed (value, place)
            where jsonb_typeof(listed.value) in ('string', 'number')
        )
    end
$$;

-- A number that is written as one: 1200000, "1200000.50", "1,200,000".
create or replace function core.number_in(payload jsonb, variadic path text[]) returns numeric
language sql immutable parallel safe
as $$
    select case
        when written ~ '^[+-]?[0-9]{1,30}(\.[0-9]{1,30})?$' then written::numeric
        when written ~ '^[+-]?[0-9]{1,3}(,[0-9]{3}){1,8}(\.[0-9]{1,30})?$' then replace(written, ',', '')::numeric
        when jsonb_typeof(payload #> path) = 'number' and length(written) < 60 then written::numeric
    end
    from (select core.text_in(payload, variadic path) as written) as found
$$;

-- A time with its day: ISO 8601 (UTC where no zone is written) or seconds or milliseconds since 1970. Nothing relative.
create or replace function core.time_in(payload jsonb, variadic path text[]) returns timestamptz
language plpgsql immutable parallel safe
set timezone = 'UTC'
as $$
declare
    written text := core.text_in(payload, variadic path);
begin
    return case
        when written ~ '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}' then written::timestamptz
        when written ~ '^[0-9]{9,10}(\.[0-9]+)?$' then to_timestamp(written::double precision)
        when written ~ '^[0-9]{12,13}$' then to_timestamp(written::double precision / 1000)
    end;
exception
    when data_exception then
        return null;
end
$$;

-- A day; '2021-03', which is how careers are dated, is its first.
create or replace function core.day_in(payload jsonb, variadic path text[]) returns date
language plpgsql immutable parallel safe
set timezone = 'UTC'
as $$
declare
    written text := core.text_in(payload, variadic path);
begin
    return case
        when written ~ '^[12][0-9]{3}-[0-9]{2}-[0-9]{2}' then left(written, 10)::date
        when written ~ '^[12][0-9]{3}-[0-9]{2}$' then (written || '-01')::date
    end;
exception
    when data_exception then
        return null;
end
$$;

-- A list with something in it; a single text is a list of one.
create or replace function core.list_in(payload jsonb, variadic path text[]) returns jsonb
language sql immutable parallel safe
as $$
    select case jsonb_typeof(payload #> path)
        when 'array' then nullif(payload #> path, '[]'::jsonb)
        when 'object' then nullif(payload #> path, '{}'::jsonb)
        else to_jsonb(core.text_in(payload, variadic path)) || '[]'::jsonb
    end
$$;

-- Whether an answer is a refusal (a 404, a 429) and not a company, a person or a posting.
create or replace function core.is_refusal(payload jsonb) returns boolean
language sql immutable parallel safe
as $$
    select coalesce(
        core.number_in(payload, 'status') between 400 and 599
        or core.number_in(payload, 'statusCode') between 400 and 599
        or core.number_in(payload, 'status_code') between 400 and 599, false
    )
$$;
