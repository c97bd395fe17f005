-- Answers of the company enrichment service, one JSON object a line, as they arrived.
--
-- into: raw.companyenrich_payloads
-- reads: ndjson
--
-- The row's id is a hash of what was asked, when, and what came back: the same answer is the same row, however often
-- it is loaded. Refusals (404, 429) are answers too; what to make of them is not decided here.

with

parsed as materialized (

    select
        line_number,
        record::jsonb as answer
    from incoming

)

select
    line_number,
    case when answer ? 'payload' then null else 'no payload' end as left_out,
    md5(
        jsonb_build_array(answer -> 'requested_domain', answer -> 'fetched_at', answer -> 'payload')::text
    )::uuid as id,
    nullif(btrim(answer ->> 'requested_domain'), '') as domain,
    nullif(answer -> 'payload', 'null'::jsonb) as payload,
    case
        when answer ->> 'fetched_at' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' then (answer ->> 'fetched_at')::timestamptz
    end as created_at
from parsed
