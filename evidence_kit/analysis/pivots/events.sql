-- What the questions build on. Two witnesses of one event, such as the event history and a delivered log file, are
-- one event here, and `witnesses` says how many there were. `doc` is the event's own document as text.
documents AS (
    SELECT *,
        coalesce(
            TRY(json_extract_string(raw, '$.CloudTrailEvent')), TRY(json_extract_string(raw, '$.CloudTrailLakeEvent')), raw
        ) AS doc
    FROM evidence
), identified AS (
    SELECT * EXCLUDE (event_id),
        coalesce(
            TRY(json_extract_string(doc, '$.eventID')),
            TRY(json_extract_string(doc, '$.logName') || json_extract_string(doc, '$.timestamp')
                || json_extract_string(doc, '$.insertId')),
            artifact || ':' || line
        ) AS event_id
    FROM documents
), events AS (
    SELECT *,
        count(*) OVER (PARTITION BY "case", target, region, event_id) AS witnesses,
        coalesce(
            regexp_matches(outcome, 'fail|denied|deny|error|reject|forbidden|unauthor|^[45][0-9][0-9]$', 'i'), false
        ) AS failed
    FROM identified
    QUALIFY row_number() OVER (PARTITION BY "case", target, region, event_id ORDER BY source, artifact, line) = 1
)
