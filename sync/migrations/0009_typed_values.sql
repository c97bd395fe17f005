-- Values of the owner's columns in the type that the models expect. A column that has that type already, or one that Postgres
-- turns into it by itself, takes a function that is inlined and costs nothing. Any other type goes by way of jsonb (which
-- writes ISO 8601 whatever the DateStyle) and is null where it is no such value: nothing raises. That one is parallel
-- unsafe, since an exception block needs a subtransaction.

create or replace function core.timestamptz_or_null(given timestamptz)
returns timestamptz
language sql immutable parallel safe
as 'select given';

create or replace function core.timestamptz_or_null(given timestamp)
returns timestamptz
language sql stable parallel safe
as 'select given::timestamptz';

create or replace function core.timestamptz_or_null(given date)
returns timestamptz
language sql stable parallel safe
as 'select given::timestamptz';

create or replace function core.timestamptz_or_null(given anyelement)
returns timestamptz
language plpgsql stable parallel unsafe
as $$
declare
    given_text text := to_jsonb(given) #>> '{}';
begin
    -- 'now', 'infinity' and the like are words here, no values
    if given_text !~ '^\s*[1-9]\d{3}-' then
        return null;
    end if;
    return given_text::timestamptz;
exception
    when data_exception then
        return null;
end
$$;

create or replace function core.date_or_null(given date)
returns date
language sql immutable parallel safe
as 'select given';

create or replace function core.date_or_null(given anyelement)
returns date
language plpgsql stable parallel unsafe
as $$
declare
    given_text text := to_jsonb(given) #>> '{}';
begin
    -- 'now', 'infinity' and the like are words here, no values
    if given_text !~ '^\s*[1-9]\d{3}-' then
        return null;
    end if;
    return given_text::date;
exception
    when data_exception then
        return null;
end
$$;

create or replace function core.numeric_or_null(given numeric)
returns numeric
language sql immutable parallel safe
as 'select given';

create or replace function core.numeric_or_null(given smallint)
returns numeric
language sql immutable parallel safe
as 'select given::numeric';

create or replace function core.numeric_or_null(given integer)
returns numeric
language sql immutable parallel safe
as 'select given::numeric';

create or replace function core.numeric_or_null(given bigint)
returns numeric
language sql immutable parallel safe
as 'select given::numeric';

create or replace function core.numeric_or_null(given real)
returns numeric
language sql immutable parallel safe
as 'select given::numeric';

create or replace function core.numeric_or_null(given double precision)
returns numeric
language sql immutable parallel safe
as 'select given::numeric';

create or replace function core.numeric_or_null(given anyelement)
returns numeric
language plpgsql stable parallel unsafe
as $$
declare
    given_text text := to_jsonb(given) #>> '{}';
begin
    -- 'now', 'infinity' and the like are words here, no values
    if given_text !~ '^\s*[-+]?[.]?\d' then
        return null;
    end if;
    return given_text::numeric;
exception
    when data_exception then
        return null;
end
$$;

create or replace function core.float_or_null(given double precision)
returns double precision
language sql immutable parallel safe
as 'select given';

create or replace function core.float_or_null(given numeric)
returns double precision
language sql immutable parallel safe
as 'select given::double precision';

create or replace function core.float_or_null(given smallint)
returns double precision
language sql immutable parallel safe
as 'select given::double precision';

create or replace function core.float_or_null(given integer)
returns double precision
language sql immutable parallel safe
as 'select given::double precision';

create or replace function core.float_or_null(given bigint)
returns double precision
language sql immutable parallel safe
as 'select given::double precision';

create or replace function core.float_or_null(given real)
returns double precision
language sql immutable parallel safe
as 'select given::double precision';

create or replace function core.float_or_null(given anyelement)
returns double precision
language plpgsql stable parallel unsafe
as $$
declare
    given_text text := to_jsonb(given) #>> '{}';
begin
    -- 'now', 'infinity' and the like are words here, no values
    if given_text !~ '^\s*[-+]?[.]?\d' then
        return null;
    end if;
    return given_text::double precision;
exception
    when data_exception then
        return null;
end
$$;

create or replace function core.integer_or_null(given integer)
returns integer
language sql immutable parallel safe
as 'select given';

create or replace function core.integer_or_null(given smallint)
returns integer
language sql immutable parallel safe
as 'select given::integer';

create or replace function core.integer_or_null(given anyelement)
returns integer
language plpgsql stable parallel unsafe
as $$
declare
    given_text text := to_jsonb(given) #>> '{}';
begin
    -- 'now', 'infinity' and the like are words here, no values
    if given_text !~ '^\s*[-+]?[.]?\d' then
        return null;
    end if;
    if given_text::numeric % 1 != 0 then
        return null;
    end if;
    return given_text::numeric::integer;
exception
    when data_exception then
        return null;
end
$$;

create or replace function core.boolean_or_null(given boolean)
returns boolean
language sql immutable parallel safe
as 'select given';

create or replace function core.boolean_or_null(given anyelement)
returns boolean
language plpgsql stable parallel unsafe
as $$
declare
    given_text text := to_jsonb(given) #>> '{}';
begin
    if given_text !~ '\S' then
        return null;
    end if;
    return given_text::boolean;
exception
    when data_exception then
        return null;
end
$$;
