-- A small world: what each decision of the marts is about, once.

insert into core.company_canonical (domain, original_name, cleaned_name, linkedin_url) values
    ('acme.com', 'Acme Inc.', 'Acme', 'https://www.linkedin.com/company/acme/'),
    ('https://www.delta.dev/about', 'Delta GmbH', null, null);

insert into extracted.companyenrich_company
    (domain, name, website, industry, description, employees, founded_year, city, state, country, linkedin_url) values
    ('acme.com', 'Acme Corporation', 'https://acme.com', 'Anvils', 'Makes anvils', '501-1K', 1949, 'Berlin', 'Berlin', 'Germany', null),
    ('beta.io', 'Beta', 'https://beta.io', 'Software', null, '11-50', null, null, null, null, 'linkedin.com/company/beta'),
    ('gamma.org', 'Other', 'https://other.com', 'Wrong', null, null, null, null, null, null, null),
    ('github.com', 'GitHub page', 'https://github.com/x', null, null, null, null, null, null, null, null);

insert into extracted.person_discovery
    (linkedin_url, full_name, first_name, last_name, location_name, company_domain, latest_title, latest_company, latest_start_date)
values
    ('https://www.linkedin.com/in/ada-king', 'Ada King', 'Ada', 'King', 'Berlin, Germany', 'acme.com', 'Engineer', 'Acme', '2020-01-01'),
    ('https://de.linkedin.com/in/Ada-King/?trk=x', 'ADA KING', null, null, null, 'beta.io', 'CTO', 'Beta', '2025-01-01'),
    ('linkedin.com/in/bob-roe', 'Bob Roe', null, null, 'Remote', 'careers.beta.io', null, 'Beta', null),
    ('linkedin.com/in/cy-poe', 'Cy Poe', 'Cy', 'Poe', null, 'acme.com', 'Chef', 'Acme', null),
    ('linkedin.com/in/di-moe', 'Di Moe', 'Di', 'Moe', null, 'elsewhere.net', 'Baker', 'Elsewhere', null),
    ('https://www.linkedin.com/sales/lead/ACwAAA,NAME', 'Ed Lead', null, null, null, 'acme.com', null, null, null);

insert into core.company_job_postings
    (domain, job_id, title, location, salary_min, salary_max, salary_currency, posted_at, closed_at, company_linkedin_url)
values
    ('acme.com', 'j1', 'Smith', 'Berlin, Germany', 50000, 60000, 'eur', '2026-05-01', null, null),
    ('agency.com', 'j1', 'Smith', null, null, null, null, '2026-05-09', null, null),
    ('beta.io', 'j2', 'Baker', null, null, null, '$', '2026-05-02', '2026-06-01', null),
    (null, 'j3', 'Cook', null, null, null, null, null, null, 'https://www.linkedin.com/company/beta');

insert into raw.companyenrich_payloads (domain, payload) values ('acme.com', '{"name": "Acme"}'), ('beta.io', '{"name": "Beta"}'), ('acme.com', null);
insert into raw.person_discovery (linkedin_url, raw_payload) values ('linkedin.com/in/bob-roe', '{"name": "Bob"}');
insert into raw.job_posting_payloads (domain, job_id, payload) values ('acme.com', 'j1', '{"title": "Smith"}');

insert into attio_mirror.records (object, record_id, created_at, web_url, "values") values
    ('companies', '00000000-0000-4000-8000-00000000000a', '2024-01-01', 'https://app.attio.com/x/company/a',
     '{"name": [{"value": "Acme"}], "domains": [{"domain": "acme.com"}], "linkedin": [{"value": "https://www.linkedin.com/company/acme"}]}'),
    ('companies', '00000000-0000-4000-8000-00000000000b', '2024-01-02', 'https://app.attio.com/x/company/b',
     '{"name": [{"value": "Beta"}], "domains": [{"domain": "careers.beta.io"}], "linkedin": []}'),
    ('companies', '00000000-0000-4000-8000-00000000000c', '2024-01-03', 'https://app.attio.com/x/company/c',
     '{"name": [{"value": "ACME"}], "domains": [], "linkedin": [{"value": "linkedin.com/company/acme/about"}]}'),
    ('people', '00000000-0000-4000-8000-0000000000a1', '2024-01-01', null,
     '{"name": [{"full_name": "Bob Roe", "first_name": "Bob", "last_name": "Roe"}], "linkedin": [{"value": "https://uk.linkedin.com/in/bob-roe/"}]}'),
    ('people', '00000000-0000-4000-8000-0000000000a2', '2024-01-02', null,
     '{"name": [{"full_name": "Cy Poe", "first_name": "Cy", "last_name": "Poe"}], "linkedin": [{"value": "linkedin.com/in/cy-poe"}]}'),
    ('people', '00000000-0000-4000-8000-0000000000a3', '2024-01-03', null,
     '{"name": [{"full_name": "Cy Poe", "first_name": "Cy", "last_name": "Poe"}], "linkedin": [{"value": "https://www.linkedin.com/in/cy-poe"}]}');
