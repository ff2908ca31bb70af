-- question: Who signed in to a console or portal, and was there a second factor?
-- uses: events
-- parameters:
--   without_mfa: {type: text, default: "yes", help: "`yes` shows only those without a second factor or that do not say"}
-- columns:
--   time: when
--   actor: who
--   src_ip: from where
--   mfa: "`yes`, `no`, or `not said`"
--   outcome: how it ended
--   provider: at which provider
--   target: in which account or tenant
--   user_agent: with what program
--   artifact: the file that holds the record
--   line: which record of the file
, logins AS (
    SELECT *,
        CASE lower(coalesce(
            TRY(json_extract_string(doc, '$.additionalEventData.MFAUsed')),
            TRY(json_extract_string(doc, '$.authenticationRequirement')),
            TRY(json_extract_string(doc, '$.AuthenticationRequirement')),
            TRY(json_extract_string(doc, '$.properties.authenticationRequirement')), ''
        ))
            WHEN 'yes' THEN 'yes' WHEN 'no' THEN 'no'
            WHEN 'multifactorauthentication' THEN 'yes' WHEN 'singlefactorauthentication' THEN 'no'
            ELSE 'not said'
        END AS mfa
    FROM events
    WHERE action IN ('ConsoleLogin', 'sign-in', 'user.session.start') OR starts_with(source, 'entra.signins')
        OR regexp_matches(action, '^(UserLoggedIn|UserLoginFailed|login_success|login_failure)$')
)
SELECT time, actor, src_ip, mfa, outcome, provider, target, user_agent, artifact, line
FROM logins
WHERE lower($without_mfa) <> 'yes' OR mfa <> 'yes'
ORDER BY time_ns, "case", source, artifact, line
