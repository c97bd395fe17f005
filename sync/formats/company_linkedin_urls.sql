-- LinkedIn URLs of companies as found in public lists, beside the people's: the table's normal form covers both.
--
-- into: extracted.person_discovery
-- reads: csv
-- columns: linkedin_url
-- optional: company_name

select
    line_number,
    case when nullif(btrim(linkedin_url), '') is null then 'no LinkedIn URL' end as left_out,
    nullif(linkedin_url, '') as linkedin_url,
    nullif(btrim(company_name), '') as latest_company
from incoming
