-- The number of open jobs that Attio shows on a company is that of the open postings that it shows for it.
select
    companies.domain,
    companies.open_job_count,
    count(job_postings.job_id) as open_postings
from {{ ref('attio_companies') }} as companies
left join {{ ref('attio_job_postings') }} as job_postings
    on companies.domain = job_postings.company and job_postings.is_open
group by companies.domain, companies.open_job_count
having coalesce(companies.open_job_count, 0) != count(job_postings.job_id)
