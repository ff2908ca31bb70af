-- question: Which keys and sessions come from this one, through however many steps, and what did each do?
-- uses: events
-- parameters:
--   credential: {type: text, help: the key or session to start from}
-- columns:
--   credential: the key or session
--   step: how many steps it is from the first
--   parent: the key or session that it was made with
--   made_by: the action that made it
--   made_at: when it was made
--   actor: who acted with it
--   actions: how many events there are of it
--   first_seen: its first event
--   last_seen: its last event
--   addresses: from how many addresses it was used
--   artifact: the file that holds the record that made it, or its first event
--   line: which record of the file
, made AS (
    SELECT credential AS parent, action, time, artifact, line,
        coalesce(
            TRY(json_extract_string(doc, '$.responseElements.accessKey.accessKeyId')),
            TRY(json_extract_string(doc, '$.responseElements.credentials.accessKeyId')),
            TRY(json_extract_string(doc, '$.protoPayload.response.name'))
        ) AS child
    FROM events
), family AS (
    SELECT $credential AS credential, 0 AS step, NULL::VARCHAR AS parent, NULL::VARCHAR AS made_by,
        NULL::VARCHAR AS made_at, NULL::VARCHAR AS artifact, NULL::BIGINT AS line
    UNION
    SELECT made.child, family.step + 1, made.parent, made.action, made.time, made.artifact, made.line
    FROM family JOIN made ON made.parent = family.credential
    WHERE made.child IS NOT NULL AND made.child <> made.parent AND family.step < 20
), nearest AS (
    SELECT * FROM family
    QUALIFY row_number() OVER (PARTITION BY credential ORDER BY step, made_at, parent, artifact, line) = 1
)
SELECT n.credential, n.step, n.parent, n.made_by, n.made_at,
    arg_min(e.actor, (e.time_ns, e.artifact, e.line)) AS actor, count(e.event_id) AS actions,
    arg_min(e.time, (e.time_ns, e.artifact, e.line)) AS first_seen,
    arg_max(e.time, (e.time_ns, e.artifact, e.line)) AS last_seen, count(DISTINCT e.src_ip) AS addresses,
    coalesce(n.artifact, arg_min(e.artifact, (e.time_ns, e.artifact, e.line))) AS artifact,
    coalesce(n.line, arg_min(e.line, (e.time_ns, e.artifact, e.line))) AS line
FROM nearest n LEFT JOIN events e USING (credential)
GROUP BY n.credential, n.step, n.parent, n.made_by, n.made_at, n.artifact, n.line
HAVING n.step > 0 OR count(e.event_id) > 0  -- a key that no record names leads to none
ORDER BY n.step, n.made_at, n.credential
