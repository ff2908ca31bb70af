-- question: Which actors, keys, addresses, programs and actions appear in this period and never before it?
-- uses: events
-- parameters:
--   since: {type: time, help: from when}
--   until: {type: time, default: "2262-01-01T00:00:00Z", help: "until when, not included"}
-- columns:
--   kind: which column it stands in
--   value: what was never seen before
--   first_seen: when it was first seen
--   last_seen: when it was last seen within the period
--   events: how often within the period
--   evidence_begins: the oldest record; what happened before it is unknown
--   artifact: the file that holds the first
--   line: which record of the file
, named AS (
    UNPIVOT (
        SELECT time, time_ns, artifact, line, actor, credential, src_ip, user_agent, action
        FROM events WHERE time_ns < $until::BIGINT
    ) ON actor, credential, src_ip, user_agent, action INTO NAME kind VALUE value
)
SELECT kind, value, arg_min(time, (time_ns, artifact, line)) AS first_seen,
    arg_max(time, (time_ns, artifact, line)) AS last_seen, count(*) AS events,
    (SELECT arg_min(time, (time_ns, artifact, line)) FROM events) AS evidence_begins,
    arg_min(artifact, (time_ns, artifact, line)) AS artifact, arg_min(line, (time_ns, artifact, line)) AS line
FROM named
GROUP BY kind, value
HAVING min(time_ns) >= $since::BIGINT
ORDER BY min(time_ns), kind, value
