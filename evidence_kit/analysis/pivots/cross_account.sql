-- question: Who took on a role or identity in an account other than their own?
-- uses: events
-- columns:
--   time: when
--   actor: who
--   credential: with which key or session
--   home: the account or project of whoever asked
--   role: the role or service account that was taken on
--   role_home: the account or project of that role
--   session: the key or session that came of it
--   src_ip: from where
--   outcome: how it ended
--   told_by: the accounts that recorded it
--   artifact: the file that holds the record
--   line: which record of the file
, asked AS (
    SELECT *,
        coalesce(
            TRY(json_extract_string(doc, '$.requestParameters.roleArn')),
            CASE WHEN regexp_matches(action, 'GenerateAccessToken|GenerateIdToken|SignBlob|SignJwt') THEN resource END
        ) AS role,
        coalesce(
            TRY(json_extract_string(doc, '$.userIdentity.accountId')),
            nullif(regexp_extract(actor, '@([a-z0-9-]+)\.iam\.gserviceaccount\.com$', 1), '')
        ) AS home,
        TRY(json_extract_string(doc, '$.responseElements.credentials.accessKeyId')) AS session,
        coalesce(TRY(json_extract_string(doc, '$.sharedEventID')), event_id) AS shared_id
    FROM events
    WHERE regexp_matches(action, '^AssumeRole|GenerateAccessToken|GenerateIdToken|SignBlob|SignJwt')
), placed AS (
    SELECT *,
        coalesce(
            nullif(regexp_extract(role, '^arn:[a-z-]+:iam::([0-9]{12}):', 1), ''),
            nullif(regexp_extract(role, '([a-z0-9-]+)\.iam\.gserviceaccount\.com', 1), '')
        ) AS role_home
    FROM asked
)
SELECT min(time) AS time, actor, credential, home, role, role_home, session,
    arg_min(src_ip, (time_ns, artifact, line)) AS src_ip, arg_min(outcome, (time_ns, artifact, line)) AS outcome,
    array_to_string(list_sort(list(DISTINCT target)), ' ') AS told_by,
    arg_min(artifact, (time_ns, artifact, line)) AS artifact, arg_min(line, (time_ns, artifact, line)) AS line
FROM placed
WHERE home IS NOT NULL AND role_home IS NOT NULL AND home <> role_home
GROUP BY "case", shared_id, actor, credential, home, role, role_home, session
ORDER BY min(time_ns), actor, role, told_by
