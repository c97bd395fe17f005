-- Percent-decoding for LinkedIn slugs. The generated column extracted.person_discovery.linkedin_url_normalized and the dbt
-- models call it, for cells that hold a `%` only.

create schema if not exists core;

-- Decodes until nothing is left to decode, so that decoding twice is decoding once. Never raises: what is no valid UTF-8
-- and what would be a NUL stays as it is written. Null when eight rounds were not enough: such a text names nothing.
--
-- Declared immutable although convert_from is only stable: the target is the database's own encoding, which never changes.
create or replace function core.percent_decoded(encoded text)
returns text
language plpgsql
immutable strict parallel safe
as $$
declare
    decoded text := encoded;
    before text;
begin
    if position('%' in encoded) = 0 then
        return encoded;
    end if;

    for round in 1 .. 9 loop
        before := decoded;
        decoded := (
            select
                string_agg(
                    case
                        when part[1] is null then part[2]
                        else convert_from(decode(replace(part[1], '%', ''), 'hex'), 'UTF8')
                    end,
                    '' order by position
                )
            -- The first group matches runs of well-formed UTF-8 only: no overlong form, no surrogate, no NUL.
            from regexp_matches(
                before,
                '((?:%(?:0[1-9a-f]|[1-7][0-9a-f]'
                || '|c[2-9a-f]%[89ab][0-9a-f]|d[0-9a-f]%[89ab][0-9a-f]'
                || '|e0%[ab][0-9a-f]%[89ab][0-9a-f]|ed%[89][0-9a-f]%[89ab][0-9a-f]|e[1-9a-cef]%[89ab][0-9a-f]%[89ab][0-9a-f]'
                || '|f0%[9ab][0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]|f[1-3]%[89ab][0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]'
                || '|f4%8[0-9a-f]%[89ab][0-9a-f]%[89ab][0-9a-f]))+)|([^%]+|%)',
                'gi'
            ) with ordinality as parts (part, position)
        );
        -- An empty text has no parts.
        if decoded is null or decoded = before then
            return before;
        end if;
        if position('%' in decoded) = 0 then
            return decoded;
        end if;
    end loop;

    return null;
end
$$;

comment on function core.percent_decoded(text) is
'The text percent-decoded as UTF-8 until nothing is left to decode; invalid sequences and %00 stay; null when that takes more than eight rounds.';
