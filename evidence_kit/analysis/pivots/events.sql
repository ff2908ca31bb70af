-- What the questions build on. Two witnesses of one event, such as the event history and a delivered log file, are
-- one event here, and `witnesses` says how many there were. An id alone makes no event: whoever can write a record can
-- give it the id of another. What differs in a column stays, and where one source has several texts, all of them stay,
-- as on the time line. `doc` is the event's own document as text. Texts pass by and are never held: what is kept of
-- every record is eight bytes, and of those that may be alike their columns. Texts are compared by SHA-256: whoever
-- writes a record could choose what a quicker hash makes of it.
documents AS NOT MATERIALIZED (
    SELECT *,
        coalesce(
            TRY(json_extract_string(raw, '$.CloudTrailEvent')), TRY(json_extract_string(raw, '$.CloudTrailLakeEvent')), raw
        ) AS doc
    FROM evidence
), identified AS NOT MATERIALIZED (
    SELECT * EXCLUDE (event_id),
        coalesce(
            TRY(json_extract_string(doc, '$.eventID')),
            TRY(json_extract_string(doc, '$.logName') || json_extract_string(doc, '$.timestamp')
                || json_extract_string(doc, '$.insertId')),
            artifact || ':' || line
        ) AS event_id
    FROM documents
), keyed AS NOT MATERIALIZED (
    SELECT *, hash(("case", target, region, event_id, time_ns, action, actor, src_ip, outcome)) AS key FROM identified
), several AS (  -- found by eight bytes each; two keys that are alike by chance cost a look and no more
    SELECT key FROM keyed GROUP BY key HAVING count(*) > 1
), by_source AS (
    SELECT key, "case", target, region, event_id, time_ns, action, actor, src_ip, outcome, source, count(*) AS records,
        min((source, artifact, line)) AS first, min(sha256(doc)) <> max(sha256(doc)) AS differs
    FROM keyed SEMI JOIN several USING (key)
    GROUP BY ALL
), alike AS (
    SELECT key, "case", target, region, event_id, time_ns, action, actor, src_ip, outcome,
        sum(records)::BIGINT AS witnesses, min(first) AS first
    FROM by_source
    GROUP BY ALL
    HAVING NOT bool_or(differs)
), events AS NOT MATERIALIZED (
    SELECT e.* EXCLUDE (key), coalesce(a.witnesses, 1) AS witnesses,
        coalesce(
            regexp_matches(e.outcome, 'fail|denied|deny|error|reject|forbidden|unauthor|^[45][0-9][0-9]$', 'i'), false
        ) AS failed
    FROM keyed e LEFT JOIN alike a ON e.key = a.key
        AND (e."case", e.target, e.region, e.event_id, e.time_ns, e.action, e.actor, e.src_ip, e.outcome)
            IS NOT DISTINCT FROM
            (a."case", a.target, a.region, a.event_id, a.time_ns, a.action, a.actor, a.src_ip, a.outcome)
    WHERE a.first IS NULL OR a.first = (e.source, e.artifact, e.line)
)
