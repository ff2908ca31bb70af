-- question: Who was refused something and then got it?
-- uses: events
-- parameters:
--   minutes: {type: integer, default: "60", help: how long after the last refusal it may have succeeded}
-- columns:
--   actor: who
--   credential: with which key or session at the success
--   action: what
--   target: where
--   failures: how often it failed within the time before
--   first_failure: the first of these failures
--   last_failure: the last of them
--   succeeded: the first success after it
--   src_ip: from where it succeeded
--   artifact: the file that holds the success
--   line: which record of the file
, told AS (
    SELECT *, max(CASE WHEN failed THEN time_ns END) OVER earlier AS failed_ns
    FROM events WHERE actor IS NOT NULL AND time_ns IS NOT NULL
    WINDOW earlier AS (
        PARTITION BY "case", actor, action, target ORDER BY time_ns, artifact, line
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
), turned AS (
    SELECT * FROM told
    WHERE NOT failed AND time_ns - failed_ns <= $minutes::BIGINT * 60000000000
    QUALIFY row_number() OVER (
        PARTITION BY "case", actor, action, target, failed_ns ORDER BY time_ns, artifact, line
    ) = 1
)
SELECT t.actor, any_value(t.credential) AS credential, t.action, t.target, count(*) AS failures,
    arg_min(f.time, (f.time_ns, f.artifact, f.line)) AS first_failure,
    arg_max(f.time, (f.time_ns, f.artifact, f.line)) AS last_failure, t.time AS succeeded,
    any_value(t.src_ip) AS src_ip, t.artifact, t.line
FROM turned t JOIN events f
    ON (f."case", f.actor, f.action, f.target) = (t."case", t.actor, t.action, t.target)
    AND f.failed AND f.time_ns <= t.time_ns AND t.time_ns - f.time_ns <= $minutes::BIGINT * 60000000000
GROUP BY t.actor, t.action, t.target, t.time, t.time_ns, t.artifact, t.line
ORDER BY t.time_ns, t.actor, t.action, t.artifact, t.line
