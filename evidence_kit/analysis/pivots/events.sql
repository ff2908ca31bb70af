-- What the questions build on. Two witnesses of one event, such as the event history and a delivered log file, are
-- one event here, and `witnesses` says how many there were. An id alone makes no event: whoever can write a record can
-- give it the id of another. What differs in a column stays, and where one source has several texts, all of them stay,
-- as on the time line. `doc` is the event's own document as text.
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
), compared AS (
    SELECT *, count(*) OVER alike AS witnesses,
        count(DISTINCT (source, hash(doc))) OVER alike > count(DISTINCT source) OVER alike AS differs,
        row_number() OVER (alike ORDER BY source, artifact, line) AS nth
    FROM identified
    WINDOW alike AS (PARTITION BY "case", target, region, event_id, time_ns, action, actor, src_ip, outcome)
    QUALIFY nth = 1 OR differs
), events AS (
    SELECT * EXCLUDE (witnesses, differs, nth),
        CASE WHEN differs THEN 1 ELSE witnesses END AS witnesses,
        coalesce(
            regexp_matches(outcome, 'fail|denied|deny|error|reject|forbidden|unauthor|^[45][0-9][0-9]$', 'i'), false
        ) AS failed
    FROM compared
)
