{#-
    LinkedIn URLs: one rule, as one scalar expression of immutable functions, so that the models and the generated
    column extracted.person_discovery.linkedin_url_normalized share it (tests/dbt/test_linkedin.py proves it).

    Normal form: https://www.linkedin.com/{in|company|school|showcase}/<slug>, null for what names no such page.

    How it stays cheap: Postgres builds the states of a regex anew for each row, so a literal prefix inside a pattern
    costs more than ten splits, and a look-ahead over alternatives more than both. Cells are taken apart by split_part;
    patterns see only what is left over, and decoding only cells with a `%`. A scalar expression cannot keep an
    intermediate result: each step takes the one before it exactly once, save for member ids, which are rare.

    How it stays idempotent: percent-decoding goes on until nothing is left to decode, and whatever decoding brings to
    light (blanks, slashes, zero-width characters, fillers) is cut or refused by the same rules as if it had stood there.
-#}


{#- PARTS OF THE PATTERNS -#}

{#- Characters that end a slug: blanks, the parts of a URL, list separators, quotes and brackets around a URL. -#}
{%- macro linkedin__slug_end() -%}
\s/?#"<>|\\,;:*()\[\]\{\}^`“”«»
{%- endmacro -%}

{#- A slug: no ending character in it, save brackets that are opened and closed inside it. -#}
{%- macro linkedin__slug() -%}
(?:[^{{ linkedin__slug_end() }}]|\([^{{ linkedin__slug_end() }}]*\))+
{%- endmacro -%}

{#- Slugs that name no page: LinkedIn's own dead ends, what forms and exports write when they know nothing, punctuation. -#}
{%- macro linkedin__fillers() -%}
me|na|n-a|nil|nan|tbd|null|none|edit|login|signup|unavailable|undefined|unknown|not-found|notfound|not-available|username|your-username|your-name|yourname|your-profile|yourprofile|your-company|yourcompany|your-slug|company-name|companyname|profile-name|school|alumni|http|https|www.linkedin.com|linkedin.com
{%- endmacro -%}

{%- macro linkedin__is_filler() -%}
(?:{{ linkedin__fillers() | replace('.', '\\.') }}|n/+a|[-_.&''’!~+$@]+)
{%- endmacro -%}

{#- Scheme (also doubled or broken), then exactly linkedin.com or a host below it, then a slash. -#}
{%- macro linkedin__site() -%}
(?:https?(?::/*|/+))*(?://)?(?:[a-z0-9-]+\.)*linkedin\.com\.?(?::\d*)?/+
{%- endmacro -%}

{#-
    Where a URL may begin: at the start of the cell, after a blank or a character that no URL holds, after a comma or
    semicolon outside a query, after `](`: the first `?` makes the whole pattern take the shortest way, so the first page wins. Not after a slash, `@`, `?`, `=` or `#`: that is a part of another site's URL.
-#}
{%- macro linkedin__start() -%}
(?:^|[\s"<>|“”«»]){1,1}?(?:[^\s"<>|?#]*(?:[,;]|\]\())??[(\[\{''‘*`]*(?:[a-z-]+:(?=https?:))?
{%- endmacro -%}


{#- STEPS -#}

{#- `<kind>/<slug>` of the first page in `cell`. A site before the site is a form's own prefix, put there twice. -#}
{%- macro linkedin__first_page(cell) -%}
regexp_replace(substring({{ cell }} from '(?i){{ linkedin__start() }}{{ linkedin__site() }}(?:(?:(?:in|company|school|showcase)/+)?{{ linkedin__site() }})*(?:(?:mwlite|comm)/+)?((?:in|company|company-beta|school|edu|showcase)/[\s/]*(?!{{ linkedin__is_filler() }}(?:[{{ linkedin__slug_end() }}]|$)){{ linkedin__slug() }})(?=[{{ linkedin__slug_end() | replace('()', ')') }}]|$)'), '/[\s/]+', '/')
{%- endmacro -%}

{#- Quotes around the whole cell go (one at the end alone may belong to the slug), and the escapes of JSON and HTML. -#}
{%- macro linkedin__unwrapped(column) -%}
case when {{ column }} ~ '[''‘\\&]' then regexp_replace(regexp_replace(replace({{ column }}, '\/', '/'), '&(amp;)+', '&', 'gi'), '^[\s("\[\{<]*[''‘](.*)[''’][\s)"\]\}>.,;]*$', '\1') else {{ column }} end
{%- endmacro -%}

{#- Zero-width characters, joiners, variation selectors and direction marks go; every kind of blank becomes a blank; NFC. -#}
{%- macro linkedin__visible(text) -%}
normalize(regexp_replace(regexp_replace({{ text }}, '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]', '', 'g'), '[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]', ' ', 'g'), nfc)
{%- endmacro -%}

{#- The slug at the start of `text`, cut where it ends. -#}
{%- macro linkedin__leading_slug(text) -%}
substring({{ text }} from '^[\s/]*({{ linkedin__slug() }})')
{%- endmacro -%}

{#- Decoding can bring an end to light: cut anew. -#}
{%- macro linkedin__decoded_slug(text) -%}
{{ linkedin__leading_slug(linkedin__visible("core.percent_decoded(" ~ text ~ ")")) }}
{%- endmacro -%}

{%- macro linkedin__decoded_page(page) -%}
substring(regexp_replace({{ linkedin__visible("core.percent_decoded(" ~ page ~ ")") }}, '/[\s/]+', '/') from '^[a-zA-Z-]+/{{ linkedin__slug() }}')
{%- endmacro -%}

{#- Slugs do not tell upper from lower case. NFC again: lower-casing can make a pair that composes. -#}
{%- macro linkedin__lowered(page) -%}
normalize(lower({{ page }}), nfc)
{%- endmacro -%}

{#- Member ids are base64: their case tells one from another. -#}
{%- macro linkedin__member_or_lowered(page) -%}
case when {{ page }} ~ '^[iI][nN]/AC[ow]AA[A-Za-z0-9_-]*$' then 'in' || substr({{ page }}, 3) else {{ linkedin__lowered(page) }} end
{%- endmacro -%}

{#-
    The normal form of a page: companies and schools under one name each, fillers refused. A `%` must not be decodable
    any more (what stood inside the escape was invisible): such a slug is not trusted. Over 200 characters a slug names
    no page; a cell of at most 200 bytes cannot hold one, and counting in a pattern is costly.
-#}
{%- macro linkedin__normal_form(page, column) -%}
{%- set no_filler = '^[a-z-]+/(?!' ~ linkedin__is_filler() ~ '$)' -%}
{%- set settled = '[^%]|%(?!(?:[1-7][0-9a-fA-F]|0[1-9a-fA-F]|[c-fC-F][0-9a-fA-F]%[89abAB]))' -%}
replace(replace('https://www.linkedin.com/' || substring({{ page }} from case when octet_length({{ column }}) > 200 then '{{ no_filler }}(?:{{ settled }}){1,200}$' when position('%' in {{ column }}) > 0 then '{{ no_filler }}(?:{{ settled }})+$' else '{{ no_filler }}.+' end), '.com/company-beta/', '.com/company/'), '.com/edu/', '.com/school/')
{%- endmacro -%}


{#- A CELL IN PIECES -#}

{#- Lower-cased in ASCII only: otherwise the Kelvin sign would become a `k`, and a look-alike the real host. -#}
{%- macro linkedin__ascii_lower(column) -%}lower({{ column }} collate "C"){%- endmacro -%}
{%- macro linkedin__site_part(column) -%}split_part({{ linkedin__ascii_lower(column) }}, 'linkedin.com/', 1){%- endmacro -%}
{%- macro linkedin__kind_part(column) -%}split_part(split_part({{ linkedin__ascii_lower(column) }}, 'linkedin.com/', 2), '/', 1){%- endmacro -%}
{%- macro linkedin__slug_part(column) -%}split_part(split_part(split_part(substr({{ column }}, position('linkedin.com/' in {{ linkedin__ascii_lower(column) }}) + 13), '/', 2), '?', 1), '#', 1){%- endmacro -%}

{#- Nothing before the host but blanks, an opening bracket or quote, schemes and at most one plain label. -#}
{%- macro linkedin__is_plain_site(column) -%}
({{ linkedin__site_part(column) }} in ('https://www.', 'http://www.', 'www.', 'https://', 'http://', '') or (length({{ linkedin__site_part(column) }}) < 30 and {{ linkedin__site_part(column) }} ~ '^[\s"(<\[\u200b\ufeff]*(?:https?://)*(?:[a-z]+\.)?$'))
{%- endmacro -%}


{#- THE RULE. `column` is read several times: give a column, not an expression. -#}
{%- macro linkedin_url_normalized(column) -%}
{%- set first_page = linkedin__first_page(linkedin__visible(linkedin__unwrapped(column))) -%}
{%- set kind = linkedin__kind_part(column) -%}
{%- set slug = linkedin__slug_part(column) -%}
{%- set plain_slug = "split_part(split_part(split_part(split_part(" ~ column ~ ", 'linkedin.com/', 2), '/', 2), '?', 1), '#', 1)" -%}
{%- set fillers = linkedin__fillers().split('|') | join("', '") -%}
case
    -- Lower case throughout, nothing odd in front, at most a query, fragment or sub-page behind: most cells end here.
    when split_part(split_part({{ column }}, 'linkedin.com/', 2), '/', 1) in ('in', 'company', 'school', 'showcase')
        and split_part({{ column }}, 'linkedin.com/', 1) in ('https://www.', 'http://www.', 'www.', 'https://', 'http://', '')
        and {{ plain_slug }} ~ '^-*[a-z0-9][a-z0-9-]*$'
        and length({{ plain_slug }}) between 2 and 200
        and {{ plain_slug }} not in ('{{ fillers }}')
        then 'https://www.linkedin.com/' || split_part(split_part({{ column }}, 'linkedin.com/', 2), '/', 1) || '/' || {{ plain_slug }}

    -- The same in any case, on a country's or a mobile host, with blanks or brackets around it.
    when {{ kind }} in ('in', 'company', 'school', 'showcase')
        and {{ linkedin__is_plain_site(column) }}
        and rtrim({{ slug }}, E' \t\r\n",;>])') ~ '^[-_.&]*[a-zA-Z0-9][a-zA-Z0-9_.&-]*$'
        and {{ slug }} !~ '^AC[ow]AA|^[nN]$|[(]'
        and length({{ slug }}) <= 200
        and lower(rtrim({{ slug }}, E' \t\r\n",;>])')) not in ('{{ fillers }}')
        then 'https://www.linkedin.com/' || {{ kind }} || '/' || lower(rtrim({{ slug }}, E' \t\r\n",;>])'))

    when {{ linkedin__ascii_lower(column) }} !~ 'linkedin\.com[/.:\\]'
        then null

    -- A member id keeps its case.
    when {{ linkedin__ascii_lower(column) }} ~ '/in/+ac[ow]aa' and position('%' in {{ column }}) = 0
        then {{ linkedin__normal_form(linkedin__member_or_lowered(first_page), column) }}
    when {{ linkedin__ascii_lower(column) }} ~ '/in/+ac[ow]aa'
        then {{ linkedin__normal_form(linkedin__member_or_lowered(linkedin__decoded_page(first_page)), column) }}

    -- A plain site and one page behind it, whose slug has accents, escapes or something to cut off.
    when {{ kind }} in ('in', 'company', 'school', 'showcase', 'company-beta', 'edu')
        and {{ linkedin__is_plain_site(column) }}
        and {{ slug }} not in ('', 'n', 'N')
        and split_part({{ linkedin__ascii_lower(column) }}, 'linkedin.com', 3) = ''
        and position('&amp;' in {{ linkedin__ascii_lower(column) }}) = 0
        then
            case
                when position('%' in {{ slug }}) = 0
                    then {{ linkedin__normal_form(kind ~ " || '/' || " ~ linkedin__lowered(linkedin__leading_slug(linkedin__visible(slug))), column) }}
                else {{ linkedin__normal_form(kind ~ " || '/' || " ~ linkedin__lowered(linkedin__decoded_slug(slug)), column) }}
            end

    -- Anything else: the first page in the cell.
    when position('%' in {{ column }}) = 0
        then {{ linkedin__normal_form(linkedin__lowered(first_page), column) }}
    else {{ linkedin__normal_form(linkedin__lowered(linkedin__decoded_page(first_page)), column) }}
end
{%- endmacro -%}

{#- What a normal form is a page of; a Sales Navigator lead is a kind of its own, without a public page. -#}
{%- macro linkedin_kind(column, normalized) -%}
case
    when {{ normalized }} is not null
        then
            case split_part({{ normalized }}, '/', 4)
                when 'in' then 'person'
                else split_part({{ normalized }}, '/', 4)
            end
    when position('/sales/' in lower({{ column }})) > 0
        and {{ column }} ~* '{{ linkedin__start() }}{{ linkedin__site() }}sales/+(?:lead|people|profile)/+[^\s/?#,]'
        then 'salesnav_person'
end
{%- endmacro -%}

{%- macro linkedin_slug(normalized) -%}
split_part({{ normalized }}, '/', 5)
{%- endmacro -%}
