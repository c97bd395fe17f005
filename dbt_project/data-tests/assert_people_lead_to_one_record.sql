{{ config(severity='warn') }}

-- Two people in the CRM carry the same profile: which of them our row is, nobody can say, so attio_people leaves it out
-- until somebody settles it (attio_person_duplicates). Told, not failed: the CRM owes us this.
select
    linkedin_url,
    record_ids
from {{ ref('int_people_matched_in_crm') }}
where record_count > 1
